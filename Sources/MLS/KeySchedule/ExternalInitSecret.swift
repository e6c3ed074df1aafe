package import MLSCrypto
import TLSPresentation

/// The init secret that an external Commit brings instead of the last epoch's. RFC 9420 section 8.3.
package struct ExternalInitSecret: ~Copyable {
    /// The proposal's `kem_output`.
    package let kemOutput: [UInt8]
    /// `init_secret`, of `hashByteCount`.
    package let secret: SecretBytes

    /// The joiner's side: a new one.
    /// ```
    /// kem_output, context = SetupBaseS(external_pub, "")
    /// init_secret = context.export("MLS 1.0 external init secret", KDF.Nh)
    /// ```
    /// - Throws: `invalidKey` where the key is of another KEM or of small order.
    package init(to externalPub: HPKEPublicKey, crypto: inout CipherSuiteContext) throws(CryptoError) {
        let sender = try HPKESender(to: externalPub, info: RawSpan(), crypto: &crypto)
        let label = Self.label
        kemOutput = sender.kemOutput
        secret = sender.export(label.rawSpan, byteCount: crypto.hashByteCount, crypto: &crypto)
    }

    /// The members' side: the joiner's.
    /// ```
    /// context = SetupBaseR(kem_output, external_priv, "")
    /// init_secret = context.export("MLS 1.0 external init secret", KDF.Nh)
    /// ```
    /// - Parameter key: `EpochSecrets.externalKeyPair` of the epoch that the Commit is for.
    /// - Throws: `invalidKey` where `kemOutput` is no key, or one of small order.
    package init(
        kemOutput: [UInt8], key: HPKEPrivateKey, crypto: inout CipherSuiteContext
    ) throws(CryptoError) {
        let recipient = try HPKERecipient(kemOutput.rawSpan, key: key, info: RawSpan(), crypto: &crypto)
        let label = Self.label
        self.kemOutput = kemOutput
        secret = recipient.export(label.rawSpan, byteCount: crypto.hashByteCount, crypto: &crypto)
    }

    private static let label = [UInt8]("MLS 1.0 external init secret".utf8)
}
