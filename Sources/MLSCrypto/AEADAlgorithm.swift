import COpenSSL

/// A cipher suite's AEAD. RFC 9420 section 5.1, RFC 9180 section 7.3.
public enum AEADAlgorithm: Hashable, Sendable {
    case aes128GCM
    case aes256GCM
    case chaCha20Poly1305

    /// `AEAD.Nk`: how many bytes a key has.
    public var keyByteCount: Int { self == .aes128GCM ? 16 : 32 }

    /// `AEAD.Nn`: how many bytes a nonce has.
    public var nonceByteCount: Int { 12 }

    /// `AEAD.Nt`: by how many bytes a ciphertext is longer than its plaintext.
    public var tagByteCount: Int { 16 }

    /// The number in HPKE's registry: `aead_id`.
    var identifier: UInt16 {
        switch self {
        case .aes128GCM: 0x0001
        case .aes256GCM: 0x0002
        case .chaCha20Poly1305: 0x0003
        }
    }

    /// The fetched implementation, kept for as long as the process lives.
    var implementation: OpaquePointer {
        switch self {
        case .aes128GCM: unsafe Self.fetchedAES128GCM
        case .aes256GCM: unsafe Self.fetchedAES256GCM
        case .chaCha20Poly1305: unsafe Self.fetchedChaCha20Poly1305
        }
    }

    // An EVP_CIPHER does not change once it is fetched, so every thread may use it.
    private nonisolated(unsafe) static let fetchedAES128GCM = unsafe fetch("AES-128-GCM")
    private nonisolated(unsafe) static let fetchedAES256GCM = unsafe fetch("AES-256-GCM")
    private nonisolated(unsafe) static let fetchedChaCha20Poly1305 = unsafe fetch("ChaCha20-Poly1305")

    private static func fetch(_ name: StaticString) -> OpaquePointer {
        unsafe OpenSSL.require(EVP_CIPHER_fetch(nil, name.cString, nil), "EVP_CIPHER_fetch")
    }
}
