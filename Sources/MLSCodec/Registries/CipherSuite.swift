public import TLSPresentation

/// A cipher suite, from the open registry "MLS Cipher Suites". RFC 9420 section 17.1.
///
/// Which algorithms a suite stands for is known to MLSCrypto; here it is a number that may be unknown or GREASE.
public struct CipherSuite: TLSRegistered, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let mls128DHKEMX25519AES128GCMSHA256Ed25519 = CipherSuite(rawValue: 0x0001)
    public static let mls128DHKEMP256AES128GCMSHA256P256 = CipherSuite(rawValue: 0x0002)
    public static let mls128DHKEMX25519ChaCha20Poly1305SHA256Ed25519 = CipherSuite(rawValue: 0x0003)
    public static let mls256DHKEMX448AES256GCMSHA512Ed448 = CipherSuite(rawValue: 0x0004)
    public static let mls256DHKEMP521AES256GCMSHA512P521 = CipherSuite(rawValue: 0x0005)
    public static let mls256DHKEMX448ChaCha20Poly1305SHA512Ed448 = CipherSuite(rawValue: 0x0006)
    public static let mls256DHKEMP384AES256GCMSHA384P384 = CipherSuite(rawValue: 0x0007)
}

extension CipherSuite: CustomStringConvertible {
    /// The registry's name, or the number.
    public var description: String {
        switch rawValue {
        case 0x0001: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519"
        case 0x0002: "MLS_128_DHKEMP256_AES128GCM_SHA256_P256"
        case 0x0003: "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519"
        case 0x0004: "MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448"
        case 0x0005: "MLS_256_DHKEMP521_AES256GCM_SHA512_P521"
        case 0x0006: "MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_Ed448"
        case 0x0007: "MLS_256_DHKEMP384_AES256GCM_SHA384_P384"
        default: registryDescription(of: rawValue)
        }
    }
}
