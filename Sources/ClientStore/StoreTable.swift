/// A table of a store. Its name never changes; new ones may come.
public struct StoreTable: Hashable, Sendable {
    /// At most 31 bytes of ASCII.
    public let name: String
    /// - Precondition: `name` is not "meta", which is the store's own table.
    public init(_ name: String) {
        precondition(name != Self.reservedName, "a table of the caller's own")
        self.name = name
    }

    /// The table of what the store says of itself; see `StoreEnvironment`.
    static let reservedName = "meta"
}
