import COpenSSL

/// A signature scheme that is known here: its OpenSSL names and the sizes of its keys. RFC 9420 section 5.1.1.
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

    /// The curve of an ECDSA key; nil for the others.
    var curve: Curve? {
        switch self {
        case .ed25519, .ed448: nil
        case .p256: Curve(name: "P-256", identifier: NID_X9_62_prime256v1)
        case .p384: Curve(name: "P-384", identifier: NID_secp384r1)
        case .p521: Curve(name: "P-521", identifier: NID_secp521r1)
        }
    }

    /// The type of key, by OpenSSL's name.
    var keyType: String {
        switch self {
        case .ed25519: "ED25519"
        case .ed448: "ED448"
        case .p256, .p384, .p521: "EC"
        }
    }

    /// The hash of the message, by OpenSSL's name; nil where the scheme hashes by itself.
    var digest: String? {
        switch self {
        case .ed25519, .ed448: nil
        case .p256: HashAlgorithm.sha256.name
        case .p384: HashAlgorithm.sha384.name
        case .p521: HashAlgorithm.sha512.name
        }
    }

    /// EdDSA: raw. ECDSA: an uncompressed point, 04 and two coordinates.
    var publicKeyByteCount: Int {
        switch self {
        case .ed25519: 32
        case .ed448: 57
        case .p256: 65
        case .p384: 97
        case .p521: 133
        }
    }

    /// EdDSA: raw. ECDSA: the scalar, most significant byte first.
    var privateKeyByteCount: Int {
        switch self {
        case .ed25519: 32
        case .ed448: 57
        case .p256: 32
        case .p384: 48
        case .p521: 66
        }
    }
}

/// A NIST curve.
struct Curve: Sendable {
    /// OpenSSL's name of it.
    let name: StaticString
    /// OpenSSL's number of it.
    let identifier: Int32
}
