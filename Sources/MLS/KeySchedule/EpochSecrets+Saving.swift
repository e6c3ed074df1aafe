package import MLSCrypto
package import TLSPresentation

/// Epoch secrets as bytes, for whoever keeps them and encrypts what it keeps.
/// ```
/// struct {
///     opaque sender_data_secret<V>; opaque encryption_secret<V>;  /* empty once the secret tree has it */
///     opaque exporter_secret<V>; opaque external_secret<V>; opaque confirmation_key<V>; opaque membership_key<V>;
///     opaque resumption_psk<V>; opaque epoch_authenticator<V>; opaque init_secret<V>;
/// } SavedEpochSecrets;
/// ```
extension EpochSecrets {
    package func saved() -> SecretBytes {
        var writer = SecretWriter(capacity: 9 * (initSecret.byteCount + 2))
        writer.opaque(senderDataSecret.bytes)
        switch encryptionSecret {
        case .some(let secret): writer.opaque(secret.bytes)
        case .none: writer.opaque(RawSpan())
        }
        writer.opaque(exporterSecret.bytes)
        writer.opaque(externalSecret.bytes)
        writer.opaque(confirmationKey.bytes)
        writer.opaque(membershipKey.bytes)
        writer.opaque(resumptionPSK.bytes)
        writer.opaque(epochAuthenticator.bytes)
        writer.opaque(initSecret.bytes)
        return writer.finish()
    }

    /// What `saved` gave.
    /// - Parameter hash: of the group's cipher suite, which says how long a secret is.
    /// - Throws: where the bytes are anything else, or of another suite.
    package init(saved bytes: RawSpan, hash: HashAlgorithm) throws(DecodingError) {
        var reader = Reader(bytes)
        let senderDataSecret = try reader.secret(byteCount: hash.byteCount)
        let encryptionSecret = try reader.optionalSecret(byteCount: hash.byteCount)
        let exporterSecret = try reader.secret(byteCount: hash.byteCount)
        let externalSecret = try reader.secret(byteCount: hash.byteCount)
        let confirmationKey = try reader.secret(byteCount: hash.byteCount)
        let membershipKey = try reader.secret(byteCount: hash.byteCount)
        let resumptionPSK = try reader.secret(byteCount: hash.byteCount)
        let epochAuthenticator = try reader.secret(byteCount: hash.byteCount)
        let initSecret = try reader.secret(byteCount: hash.byteCount)
        try reader.expectEnd()
        self.senderDataSecret = senderDataSecret
        self.encryptionSecret = encryptionSecret
        self.exporterSecret = exporterSecret
        self.externalSecret = externalSecret
        self.confirmationKey = confirmationKey
        self.membershipKey = membershipKey
        self.resumptionPSK = resumptionPSK
        self.epochAuthenticator = epochAuthenticator
        self.initSecret = initSecret
    }
}

extension Reader {
    /// An `opaque x<V>` of exactly `byteCount` bytes, in place.
    @_lifetime(copy self)
    mutating func opaqueSpan(byteCount: Int) throws(DecodingError) -> RawSpan {
        let start = byteOffset
        let bytes = try opaqueSpan()
        guard bytes.byteCount == byteCount else {
            throw DecodingError(.invalidLength(type: "secret", byteCount: bytes.byteCount), at: start)
        }
        return bytes
    }

    /// An `opaque x<V>` of exactly `byteCount` bytes, into memory that is erased.
    @_lifetime(self: copy self)
    mutating func secret(byteCount: Int) throws(DecodingError) -> SecretBytes {
        SecretBytes(copying: try opaqueSpan(byteCount: byteCount))
    }

    /// The same, or nothing where it is empty.
    @_lifetime(self: copy self)
    mutating func optionalSecret(byteCount: Int) throws(DecodingError) -> SecretBytes? {
        let start = byteOffset
        let bytes = try opaqueSpan()
        if bytes.isEmpty { return nil }
        guard bytes.byteCount == byteCount else {
            throw DecodingError(.invalidLength(type: "secret", byteCount: bytes.byteCount), at: start)
        }
        return SecretBytes(copying: bytes)
    }
}
