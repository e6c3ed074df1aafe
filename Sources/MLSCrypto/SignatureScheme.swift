public import TLSPresentation

/// A signature algorithm, from the open registry "TLS SignatureScheme". RFC 8446 section 4.2.3, RFC 9420 section 17.1.
public struct SignatureScheme: TLSRegistered, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let ecdsaSecp256r1SHA256 = SignatureScheme(rawValue: 0x0403)
    public static let ecdsaSecp384r1SHA384 = SignatureScheme(rawValue: 0x0503)
    public static let ecdsaSecp521r1SHA512 = SignatureScheme(rawValue: 0x0603)
    public static let ed25519 = SignatureScheme(rawValue: 0x0807)
    public static let ed448 = SignatureScheme(rawValue: 0x0808)

    /// Those of the cipher suites of RFC 9420, which are all that are known here.
    public static let known: [SignatureScheme] = [
        .ed25519, .ecdsaSecp256r1SHA256, .ecdsaSecp384r1SHA384, .ecdsaSecp521r1SHA512, .ed448,
    ]
}

extension SignatureScheme: CustomStringConvertible {
    /// The registry's name, or the number.
    public var description: String {
        switch self {
        case .ecdsaSecp256r1SHA256: "ecdsa_secp256r1_sha256"
        case .ecdsaSecp384r1SHA384: "ecdsa_secp384r1_sha384"
        case .ecdsaSecp521r1SHA512: "ecdsa_secp521r1_sha512"
        case .ed25519: "ed25519"
        case .ed448: "ed448"
        default: "0x" + String(rawValue, radix: 16)
        }
    }
}
