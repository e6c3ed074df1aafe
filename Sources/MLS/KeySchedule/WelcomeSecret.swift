package import MLSCodec
package import MLSCrypto
import TLSPresentation

/// What a Welcome's GroupInfo is encrypted with. RFC 9420 section 12.4.3.1.
/// ```
/// welcome_key = ExpandWithLabel(welcome_secret, "key", "", AEAD.Nk)
/// welcome_nonce = ExpandWithLabel(welcome_secret, "nonce", "", AEAD.Nn)
/// ```
package struct WelcomeSecret: ~Copyable, Sendable {
    package let secret: SecretBytes

    init(_ secret: consuming SecretBytes) { self.secret = secret }

    /// A Welcome's `encrypted_group_info`.
    /// - Parameter groupInfo: the encoding of the signed GroupInfo. Only one may ever be sealed: key and nonce are always
    ///   the same.
    package consuming func seal(groupInfo: RawSpan, crypto: inout CipherSuiteContext) -> [UInt8] {
        let key = crypto.keyAndNonce(secret.bytes, context: RawSpan())
        return crypto.seal(groupInfo, key: key.key, nonce: key.nonce, authenticating: RawSpan())
    }

    /// The GroupInfo of a Welcome. It comes from somebody who knows the joiner secret; who that is, and whether the
    /// group is as it says, is still to be verified: its signature, tree and confirmation tag.
    /// - Throws: `decryptionFailed`, `malformed`.
    package func open(
        encryptedGroupInfo: RawSpan, crypto: inout CipherSuiteContext
    ) throws(KeyScheduleError) -> GroupInfo {
        let key = crypto.keyAndNonce(secret.bytes, context: RawSpan())
        let opened: [UInt8]
        do throws(CryptoError) {
            opened = try crypto.open(
                encryptedGroupInfo, key: key.key, nonce: key.nonce, authenticating: RawSpan())
        } catch { throw .decryptionFailed }
        do throws(DecodingError) { return try GroupInfo(decoding: opened) } catch { throw .malformed(error) }
    }
}
