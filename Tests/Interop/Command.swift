/// A command of the language: the first word of its lines, and what it does.
struct Command: Sendable {
    let name: String
    /// How it is written; several where the second word chooses what it does.
    let usages: [String]
    /// Answers, for the client that is meant. Throws what goes wrong; the client is as it was then.
    let run: @Sendable (Interpreter, inout Arguments) throws -> Fields

    /// - Parameter usages: of which the first word is the name.
    init(_ usages: String..., run: @escaping @Sendable (Interpreter, inout Arguments) throws -> Fields) {
        name = String(usages[0].prefix { $0 != " " })
        self.usages = usages
        self.run = run
    }
}
