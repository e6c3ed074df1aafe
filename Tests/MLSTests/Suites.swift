import MLSCodec
import MLSCrypto
import TLSPresentation

/// The seven suites of RFC 9420 section 17.1.
let allSuites = (1...7).map { CipherSuite(rawValue: $0) }

/// Two that are quick and have little in common.
let quickSuites = [1, 2].map { CipherSuite(rawValue: $0) }

extension SecretBytes {
    /// A copy for comparing.
    var copy: [UInt8] { [UInt8](bytes) }

    init(_ bytes: [UInt8]) { self.init(copying: bytes.rawSpan) }
}

/// Copies for comparing; a span may not go into `#expect`.
func copy(_ span: RawSpan) -> [UInt8] { [UInt8](span) }
