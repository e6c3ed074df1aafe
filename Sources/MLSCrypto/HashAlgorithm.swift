import COpenSSL

/// A cipher suite's hash function. RFC 9420 section 5.1.
public enum HashAlgorithm: Hashable, Sendable {
    case sha256
    case sha384
    case sha512

    /// `Hash.Nh`: how many bytes a hash has.
    public var byteCount: Int {
        switch self {
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    /// How many bytes are hashed at a time, which HMAC's keys are filled up to.
    var blockByteCount: Int { self == .sha256 ? 64 : 128 }

    /// OpenSSL's name of it.
    var name: StaticString {
        switch self {
        case .sha256: "SHA256"
        case .sha384: "SHA384"
        case .sha512: "SHA512"
        }
    }

    /// The number of HKDF with this hash in HPKE's registry: `kdf_id`. RFC 9180 section 7.2.
    var kdfIdentifier: UInt16 {
        switch self {
        case .sha256: 0x0001
        case .sha384: 0x0002
        case .sha512: 0x0003
        }
    }

    /// The fetched implementation, kept for as long as the process lives.
    var implementation: OpaquePointer {
        switch self {
        case .sha256: unsafe Self.fetchedSHA256
        case .sha384: unsafe Self.fetchedSHA384
        case .sha512: unsafe Self.fetchedSHA512
        }
    }

    // An EVP_MD does not change once it is fetched, so every thread may use it.
    private nonisolated(unsafe) static let fetchedSHA256 = unsafe fetch(.sha256)
    private nonisolated(unsafe) static let fetchedSHA384 = unsafe fetch(.sha384)
    private nonisolated(unsafe) static let fetchedSHA512 = unsafe fetch(.sha512)

    private static func fetch(_ algorithm: HashAlgorithm) -> OpaquePointer {
        unsafe OpenSSL.require(EVP_MD_fetch(nil, algorithm.name.cString, nil), "EVP_MD_fetch")
    }
}
