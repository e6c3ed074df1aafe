import MLSCodec
import MLSCrypto
import TLSPresentation

/// The key that `bytes` are for the suite's signatures.
/// - Throws: `rule` where they are none.
func signaturePublicKey(
    _ bytes: [UInt8], suite: CipherSuite, or rule: ValidationRule
) throws(GroupError) -> SignaturePublicKey {
    do {
        return try SignaturePublicKey(bytes.rawSpan, scheme: suite.signatureScheme)
    } catch .invalidKey {
        throw .refused(rule)
    } catch {
        throw .crypto(error)
    }
}

/// Checks that secrets can be encrypted to `bytes` in a group of `suite`. RFC 9420 section 5.1.1.
/// - Throws: `rule` where they cannot.
func checkPublicKey(_ bytes: [UInt8], suite: CipherSuite, or rule: ValidationRule) throws(GroupError) {
    let kem: KEM
    do throws(CryptoError) { kem = try suite.kem } catch { throw .crypto(error) }
    guard kem.isPublicKey(bytes.rawSpan) else { throw .refused(rule) }
}
