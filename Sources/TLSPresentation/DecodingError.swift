/// Why bytes are not an encoding of what was asked for, and where that was seen.
///
/// Thrown by every decoder of this project; the value that was being decoded does not come to exist.
public struct DecodingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong with the bytes.
    public enum Reason: Hashable, Sendable {
        /// The bytes end inside the value.
        case truncated
        /// Bytes follow the end of the value.
        case trailingBytes
        /// A variable-size integer begins with the prefix 0b11 (RFC 9420 section 2.1.2).
        case invalidVarintPrefix
        /// A variable-size integer is not in its shortest form (RFC 9420 section 2.1.2).
        case nonMinimalVarint
        /// An `optional<T>` begins with an octet other than 0 and 1 (RFC 9420 section 2.1.1).
        case invalidPresence
        /// An enumeration has a value that its definition does not name.
        case unknownValue(type: StaticStringName, value: UInt64)
        /// A vector's byte count is not one that its definition allows.
        case invalidLength(type: StaticStringName, byteCount: Int)
        /// A field has a value that the definition of its structure forbids.
        case invalidField(StaticStringName)
    }

    public let reason: Reason
    /// Where the error was seen: bytes from the beginning of the outermost input.
    public let byteOffset: Int

    public init(_ reason: Reason, at byteOffset: Int) {
        self.reason = reason
        self.byteOffset = byteOffset
    }

    public var description: String {
        let what =
            switch reason {
            case .truncated: "the bytes end too early"
            case .trailingBytes: "bytes follow the end"
            case .invalidVarintPrefix: "a length begins with the reserved prefix 11"
            case .nonMinimalVarint: "a length is not in its shortest form"
            case .invalidPresence: "a presence octet is neither 0 nor 1"
            case .unknownValue(let type, let value): "\(type) has the unknown value \(value)"
            case .invalidLength(let type, let byteCount): "\(type) has an invalid length of \(byteCount) bytes"
            case .invalidField(let name): "\(name) is invalid"
            }
        return "\(what) (at byte \(byteOffset))"
    }
}

/// The name of a type or field, known when the program is compiled; a `StaticString` that can be compared.
public struct StaticStringName: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    public let description: String
    public init(stringLiteral value: String) { description = value }
}
