public import TLSPresentation

/// Why bytes are not an MLSMessage that anybody may send.
public enum EnvelopeError: Error, Hashable, Sendable {
    /// The bytes do not follow the structures of RFC 9420.
    case malformed(DecodingError)
    /// The message is of another version than mls10.
    case unsupportedVersion(ProtocolVersion)
    /// The message is of none of the five wire formats of RFC 9420.
    case unsupportedWireFormat(WireFormat)
    /// A PublicMessage carries application data, which MUST be encrypted. RFC 9420 section 6.
    case applicationDataInPublicMessage
}

extension EnvelopeError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .malformed(let error): "not an MLSMessage: \(error)"
        case .unsupportedVersion(let version): "an MLSMessage of the version \(version)"
        case .unsupportedWireFormat(let wireFormat): "an MLSMessage of the wire format \(wireFormat)"
        case .applicationDataInPublicMessage: "application data in a PublicMessage, which would be readable by all"
        }
    }
}
