package import MLSCodec
package import MLSCrypto
import TLSPresentation

/// A GroupSecrets in memory that is erased: what one new member learns from a Welcome. RFC 9420 section 12.4.3.1.
/// ```
/// struct { opaque path_secret<V>; } PathSecret;
/// struct { opaque joiner_secret<V>; optional<PathSecret> path_secret; PreSharedKeyID psks<V>; } GroupSecrets;
/// ```
package struct JoinerSecrets: ~Copyable {
    package let joinerSecret: JoinerSecret
    /// Of the lowest node above both the committer and the new member; nil where the Commit has no path.
    package let pathSecret: SecretBytes?
    /// Which pre-shared keys the epoch depends on, in their order.
    package let psks: [PreSharedKeyID]

    /// The GroupSecrets for a new member: what `encryptContext` encrypts.
    /// ```
    /// encrypted_group_secrets = EncryptWithLabel(init_key, "Welcome", encrypted_group_info, group_secrets)
    /// ```
    /// - Parameter pathSecret: empty for none.
    package static func groupSecrets(
        _ joinerSecret: borrowing JoinerSecret, pathSecret: RawSpan, psks: [PreSharedKeyID]
    ) -> SharedSecret {
        var writer = SecretWriter(capacity: 256)
        writer.opaque(joinerSecret.bytes)
        writer.encode(pathSecret.isEmpty ? 0 as UInt8 : 1)
        if !pathSecret.isEmpty { writer.opaque(pathSecret) }
        var ids = Writer()
        ids.vector(psks)
        let idBytes = ids.bytes
        writer.raw(idBytes.rawSpan)
        let plaintext = writer.finish()
        return SharedSecret(copying: plaintext.bytes)
    }

    /// What all that a Welcome encrypts is encrypted with.
    package static func encryptContext(
        _ encryptedGroupInfo: RawSpan, crypto: inout CipherSuiteContext
    ) -> PreparedEncryptContext {
        crypto.encryptContext(label: "Welcome", context: encryptedGroupInfo)
    }

    /// `group_secrets = DecryptWithLabel(init_key_priv, "Welcome", encrypted_group_info, kem_output, ciphertext)`
    /// - Parameters:
    ///   - ciphertext: of the Welcome's entry for this client's KeyPackage.
    ///   - initKey: the KeyPackage's, which is deleted once the group is joined.
    ///   - encryptedGroupInfo: of the same Welcome.
    /// - Throws: `decryptionFailed`, `malformed`.
    package init(
        opening ciphertext: HPKECiphertext, initKey: HPKEPrivateKey, encryptedGroupInfo: RawSpan,
        crypto: inout CipherSuiteContext
    ) throws(KeyScheduleError) {
        let plaintext: SecretBytes
        do throws(CryptoError) {
            plaintext = try crypto.decryptWithLabel(
                ciphertext, key: initKey, label: "Welcome", context: encryptedGroupInfo)
        } catch { throw .decryptionFailed }
        do throws(DecodingError) {
            try self.init(decoding: plaintext.bytes, secretByteCount: crypto.hashByteCount)
        } catch { throw .malformed(error) }
    }

    private init(decoding bytes: RawSpan, secretByteCount: Int) throws(DecodingError) {
        var reader = Reader(bytes)
        let joinerSecret = try reader.secret(byteCount: secretByteCount)
        let pathSecret: SecretBytes?
        if try reader.isPresent() {
            pathSecret = try reader.secret(byteCount: secretByteCount)
        } else {
            pathSecret = nil
        }
        let psks: [PreSharedKeyID] = try reader.vector()
        try reader.expectEnd()
        self.joinerSecret = JoinerSecret(joinerSecret)
        self.pathSecret = pathSecret
        self.psks = psks
    }
}
