import TLSPresentation

/// A field of a structure with the RFC's name of it, for people who look at messages.
public struct FieldTree: Hashable, Sendable {
    public enum Value: Hashable, Sendable {
        /// A word for a value of a registry or a closed list, or for one that is not there.
        case text(String)
        case bytes([UInt8])
        case number(UInt64)
        /// The fields of a structure, or the elements of a vector, which are named by their index.
        case children([FieldTree])
    }

    public let name: String
    public let value: Value

    public init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }
}

/// A structure that lists its fields in the order of its encoding.
public protocol FieldDescribed {
    var fields: [FieldTree] { get }
}

extension FieldTree: CustomStringConvertible {
    /// A line for the field, and one for each below it, indented by two.
    public var description: String { lines().joined(separator: "\n") }

    /// The lines of `description`, all of them indented by `indentation` spaces more.
    public func lines(indentation: Int = 0) -> [String] {
        let head = String(repeating: " ", count: indentation) + name + ":"
        switch value {
        case .text(let text): return [head + " " + text]
        case .bytes(let bytes): return [head + " " + (bytes.isEmpty ? "(empty)" : bytes.hex)]
        case .number(let number): return [head + " \(number)"]
        case .children(let children):
            if children.isEmpty { return [head + " (none)"] }
            return [head] + children.flatMap { $0.lines(indentation: indentation + 2) }
        }
    }
}

// MARK: What fields are made from

extension FieldTree {
    init(_ name: String, _ bytes: [UInt8]) { self.init(name, .bytes(bytes)) }
    init(_ name: String, _ number: some UnsignedInteger) { self.init(name, .number(UInt64(number))) }
    init(_ name: String, _ leafIndex: LeafIndex) { self.init(name, leafIndex.rawValue) }
    init(_ name: String, _ structure: some FieldDescribed) { self.init(name, .children(structure.fields)) }

    /// A value of a registry or a closed list.
    init(_ name: String, _ value: some RawRepresentable & CustomStringConvertible) {
        self.init(name, .text(value.description))
    }

    /// Values of a registry, in one line.
    init(_ name: String, _ values: [some RawRepresentable & CustomStringConvertible]) {
        self.init(name, .text(values.isEmpty ? "(none)" : values.map(\.description).joined(separator: ", ")))
    }

    init(_ name: String, _ structures: [some FieldDescribed]) {
        self.init(name, .children(structures.enumerated().map { FieldTree("\($0.offset)", $0.element) }))
    }

    /// An `optional<T>`.
    init(_ name: String, _ structure: (some FieldDescribed)?) {
        self.init(name, structure.map { .children($0.fields) } ?? .text("(absent)"))
    }
}
