public import MLSCrypto
public import TLSPresentation

/// Why a message, a KeyPackage or a tree was not taken. Whatever it was offered to is as it was before.
public enum GroupError: Error, Hashable, Sendable {
    /// A rule of RFC 9420, of a draft or of the application's policy is broken.
    case refused(ValidationRule)
    /// Bytes inside of what was decoded, such as an extension's data, are no encoding of what they should be.
    case malformed(DecodingError)
    /// A cryptographic operation gave no result.
    case crypto(CryptoError)
    /// The message is one of one's own: who sent it has no key for it, and needs none.
    case ownMessage
    /// What is to be sent does not fit into a vector of MLS.
    case tooLong
}

extension GroupError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .refused(let rule): "refused by rule \(rule.rawValue)"
        case .malformed(let error): "malformed: \(error)"
        case .crypto(let error): "cryptography: \(error)"
        case .ownMessage: "a message of one's own"
        case .tooLong: "too long for a message"
        }
    }
}
