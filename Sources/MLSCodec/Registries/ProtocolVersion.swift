public import TLSPresentation

/// A version of MLS. Those of a client's capabilities may be unknown or GREASE. RFC 9420 section 6.
public struct ProtocolVersion: TLSRegistered, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let mls10 = ProtocolVersion(rawValue: 0x0001)
}

extension ProtocolVersion: CustomStringConvertible {
    /// The registry's name, or the number.
    public var description: String {
        switch self {
        case .mls10: "mls10"
        default: registryDescription(of: rawValue)
        }
    }
}

extension ProtocolVersion {
    /// Passes over a version where a structure has to be of mls10: another one's fields are not known.
    static func expectMLS10(_ reader: inout Reader) throws(DecodingError) {
        let start = reader.byteOffset
        let version = try ProtocolVersion(from: &reader)
        guard version == .mls10 else {
            throw DecodingError(.unknownValue(type: "ProtocolVersion", value: UInt64(version.rawValue)), at: start)
        }
    }
}
