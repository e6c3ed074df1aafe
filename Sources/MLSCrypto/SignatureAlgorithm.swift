/// A signature scheme that is known here: what its keys look like and what hashes the message. RFC 9420 section 5.1.1.
enum SignatureAlgorithm: Sendable {
    case ed25519
    case ed448
    case p256
    case p384
    case p521

    /// - Throws: `unsupportedSignatureScheme`.
    init(_ scheme: SignatureScheme) throws(CryptoError) {
        switch scheme {
        case .ed25519: self = .ed25519
        case .ed448: self = .ed448
        case .ecdsaSecp256r1SHA256: self = .p256
        case .ecdsaSecp384r1SHA384: self = .p384
        case .ecdsaSecp521r1SHA512: self = .p521
        default: throw .unsupportedSignatureScheme(scheme)
        }
    }

    /// How its keys look.
    var keyFormat: KeyFormat {
        switch self {
        case .ed25519: .ed25519
        case .ed448: .ed448
        case .p256: .p256
        case .p384: .p384
        case .p521: .p521
        }
    }

    /// The hash of the message that is signed; nil where the scheme hashes by itself.
    var hashAlgorithm: HashAlgorithm? {
        switch self {
        case .ed25519, .ed448: nil
        case .p256: .sha256
        case .p384: .sha384
        case .p521: .sha512
        }
    }

    /// The same by OpenSSL's name.
    var digest: UnsafePointer<CChar>? { unsafe hashAlgorithm?.name.cString }
}
