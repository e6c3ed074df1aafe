/// A cipher suite's key encapsulation mechanism. RFC 9180 section 7.1.
///
/// Its KDF is HKDF with the hash of the suite, in all seven suites of RFC 9420.
public enum KEM: Hashable, Sendable {
    case x25519
    case x448
    case p256
    case p384
    case p521

    /// `Npk` and `Nenc`: how many bytes a public key and an encapsulated key have.
    public var publicKeyByteCount: Int { keyFormat.publicKeyByteCount }

    /// `Nsk`: how many bytes a private key has.
    public var privateKeyByteCount: Int { keyFormat.privateKeyByteCount }

    /// `Nsecret`: how many bytes a shared secret has.
    public var sharedSecretByteCount: Int {
        switch self {
        case .x25519, .p256: 32
        case .p384: 48
        case .x448, .p521: 64
        }
    }

    /// The number in HPKE's registry: `kem_id`.
    var identifier: UInt16 {
        switch self {
        case .p256: 0x0010
        case .p384: 0x0011
        case .p521: 0x0012
        case .x25519: 0x0020
        case .x448: 0x0021
        }
    }

    /// How its keys look.
    var keyFormat: KeyFormat {
        switch self {
        case .x25519: .x25519
        case .x448: .x448
        case .p256: .p256
        case .p384: .p384
        case .p521: .p521
        }
    }
}
