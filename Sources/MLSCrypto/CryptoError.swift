public import MLSCodec

/// Why a cryptographic operation gave no result.
///
/// It says what went wrong for one's own log; to a peer all of these look alike.
public enum CryptoError: Error, Hashable, Sendable {
    /// The suite is not one of the seven of RFC 9420 section 17.1.
    case unsupportedCipherSuite(CipherSuite)
    /// The signature scheme is not one that a suite of RFC 9420 uses.
    case unsupportedSignatureScheme(SignatureScheme)
    /// The bytes are not a key of the scheme.
    case invalidKey
    /// The certificate at `index` of a chain is not DER of X.509, or there is none.
    case malformedCertificate(index: Int)
    /// The certificate at `index` of a chain is not signed by the one that follows it.
    case certificateNotSigned(index: Int)
    /// The certificate at `index` of a chain, or at its end the root, does not lead to somebody trusted as RFC 5280 asks.
    case certificateNotTrusted(index: Int, reason: String)
    /// The certificate at `index` of a chain, or at its end the root, is not valid any more.
    case certificateExpired(index: Int)
    /// The certificate at `index` of a chain, or at its end the root, is not valid yet.
    case certificateNotYetValid(index: Int)
    /// What was to be decrypted is too short, was changed, or was not encrypted with this key.
    case notAuthentic
    /// An OpenSSL function failed, for the reason of its error queue.
    case openSSL(function: String, reason: String)
}
