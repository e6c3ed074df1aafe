internal import ClientStore
internal import MLSCrypto
internal import TLSPresentation

/// What is encrypted in an `IdentityFile`.
/// ```
/// struct {
///   opaque user<V>;
///   opaque device<V>;
///   SignatureScheme scheme;
///   opaque private_key<V>;
///   opaque store_key[32];
/// } IdentitySecrets;
/// ```
enum IdentitySecrets {
    /// - Throws: `fileUnusable` where OpenSSL does not give the key.
    static func encoding(of identity: Identity) throws(RelayClientError) -> SecretBytes {
        var writer = SecretWriter(capacity: 512)
        let user = Array(identity.user.utf8)
        let device = Array(identity.device.utf8)
        writer.opaque(user.rawSpan)
        writer.opaque(device.rawSpan)
        writer.encode(identity.signingKey.scheme)
        do throws(CryptoError) {
            let key = try identity.signingKey.privateKeyBytes()
            writer.opaque(key.bytes)
        } catch {
            throw RelayClientError(.fileUnusable, "the key cannot be saved: \(error)")
        }
        writer.raw(identity.storeKey.secret.bytes)
        return writer.finish()
    }

    /// - Throws: `damaged`. The bytes are authentic, but whoever has the passphrase may have written anything.
    static func identity(in bytes: RawSpan) throws(RelayClientError) -> Identity {
        do {
            var reader = Reader(bytes)
            let user = try text(&reader)
            let device = try text(&reader)
            let scheme = try SignatureScheme(from: &reader)
            guard scheme == .ed25519 else { throw reader.error(.invalidField("scheme")) }
            let key = try SigningKey(privateKey: try reader.opaqueSpan(), scheme: scheme)
            let storeKey = StoreKey(SharedSecret(copying: try reader.span(byteCount: StoreKey.byteCount)))
            try reader.expectEnd()
            return try Identity(user: user, device: device, signingKey: key, storeKey: storeKey)
        } catch {
            throw RelayClientError(.damaged, "the file does not hold an identity: \(error)")
        }
    }

    @_lifetime(reader: copy reader)
    private static func text(_ reader: inout Reader) throws(DecodingError) -> String {
        guard let text = String(validating: try reader.opaque(), as: UTF8.self) else {
            throw reader.error(.invalidField("name"))
        }
        return text
    }
}
