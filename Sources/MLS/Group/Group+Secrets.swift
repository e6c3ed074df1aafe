import MLSCrypto
import TLSPresentation

extension Group {
    /// Every secret of the epoch by its name in RFC 9420 section 8, table 4: to find where two implementations part, and
    /// for nothing else. Nil for the encryption secret once a message of the epoch has used it up (section 9.2).
    package var namedSecrets: [(name: String, bytes: [UInt8]?)] {
        [
            ("sender_data_secret", secrets.senderDataSecret.withBytes { [UInt8]($0) }),
            ("encryption_secret", secretTree.encryptionSecret.map { [UInt8]($0.bytes) }),
            ("exporter_secret", secrets.exporterSecret.withBytes { [UInt8]($0) }),
            ("external_secret", secrets.externalSecret.withBytes { [UInt8]($0) }),
            ("confirmation_key", secrets.confirmationKey.withBytes { [UInt8]($0) }),
            ("membership_key", secrets.membershipKey.withBytes { [UInt8]($0) }),
            ("resumption_psk", secrets.resumptionPSK.withBytes { [UInt8]($0) }),
            ("epoch_authenticator", secrets.epochAuthenticator.withBytes { [UInt8]($0) }),
            ("init_secret", secrets.initSecret.withBytes { [UInt8]($0) }),
        ]
    }
}
