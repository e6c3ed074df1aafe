package import MLSCrypto
import TLSPresentation

/// The secrets of an epoch, as they are derived from its epoch_secret, which is gone. RFC 9420 section 8, table 4.
///
/// Invariant: each has `hashByteCount` bytes; the encryption secret is nil from when the secret tree has it.
package struct EpochSecrets: ~Copyable, Sendable {
    package let senderDataSecret: SecretBytes
    /// The root of the secret tree; nil once `takeEncryptionSecret` gave it away.
    package internal(set) var encryptionSecret: SecretBytes?
    package let exporterSecret: SecretBytes
    package let externalSecret: SecretBytes
    package let confirmationKey: SecretBytes
    package let membershipKey: SecretBytes
    package let resumptionPSK: SecretBytes
    package let epochAuthenticator: SecretBytes
    package let initSecret: SecretBytes

    /// `DeriveSecret(epoch_secret, <label>)` for every label.
    init(epochSecret: RawSpan, crypto: inout CipherSuiteContext) {
        senderDataSecret = crypto.deriveSecret(epochSecret, label: "sender data")
        encryptionSecret = crypto.deriveSecret(epochSecret, label: "encryption")
        exporterSecret = crypto.deriveSecret(epochSecret, label: "exporter")
        externalSecret = crypto.deriveSecret(epochSecret, label: "external")
        confirmationKey = crypto.deriveSecret(epochSecret, label: "confirm")
        membershipKey = crypto.deriveSecret(epochSecret, label: "membership")
        resumptionPSK = crypto.deriveSecret(epochSecret, label: "resumption")
        epochAuthenticator = crypto.deriveSecret(epochSecret, label: "authentication")
        initSecret = crypto.deriveSecret(epochSecret, label: "init")
    }

    /// The encryption secret, which only the secret tree may keep, and only until its first use; nil the second time.
    package mutating func takeEncryptionSecret() -> SecretBytes? { encryptionSecret.take() }

    /// What an epoch that is over leaves behind; all else is erased.
    package consuming func past() -> PastEpochSecrets {
        PastEpochSecrets(senderDataSecret: senderDataSecret, resumptionPSK: resumptionPSK)
    }
}

/// What is kept of an epoch that is over, so that its last messages can be read and its members recognised.
package struct PastEpochSecrets: ~Copyable, Sendable {
    /// For messages that come late. RFC 9420 section 15.3.
    package let senderDataSecret: SecretBytes
    /// For a reinitialisation or a branch. RFC 9420 section 8.6.
    package let resumptionPSK: SecretBytes
}

extension EpochSecrets {
    /// `confirmation_tag = MAC(confirmation_key, GroupContext.confirmed_transcript_hash)`. RFC 9420 section 6.1.
    package func confirmationTag(
        confirmedTranscriptHash: RawSpan, crypto: inout CipherSuiteContext
    ) -> [UInt8] {
        crypto.mac(key: confirmationKey.bytes, data: confirmedTranscriptHash)
    }

    /// Whether `tag` is the epoch's confirmation tag, in a time that does not tell where they differ.
    package func isConfirmed(
        by tag: RawSpan, confirmedTranscriptHash: RawSpan, crypto: inout CipherSuiteContext
    ) -> Bool {
        crypto.verifyMAC(tag, key: confirmationKey.bytes, data: confirmedTranscriptHash)
    }

    /// `MLS-Exporter(Label, Context, Length)`. RFC 9420 section 8.5.
    /// ```
    /// ExpandWithLabel(DeriveSecret(exporter_secret, Label), "exported", Hash(Context), Length)
    /// ```
    /// - Precondition: `byteCount` is at most 255 times `hashByteCount`, and at most 65535.
    package func export(
        label: String, context: RawSpan, byteCount: Int, crypto: inout CipherSuiteContext
    ) -> SecretBytes {
        let secret = crypto.deriveSecret(exporterSecret.bytes, label: label)
        let hash = crypto.hashAlgorithm.hash(context)
        return crypto.expandWithLabel(secret.bytes, label: "exported", context: hash.rawSpan, byteCount: byteCount)
    }

    /// `external_priv, external_pub = KEM.DeriveKeyPair(external_secret)`. RFC 9420 section 8.
    /// - Throws: `invalidKey`, with a probability that nobody will see.
    package func externalKeyPair(crypto: inout CipherSuiteContext) throws(CryptoError) -> HPKEPrivateKey {
        try crypto.deriveKeyPair(externalSecret.bytes)
    }
}
