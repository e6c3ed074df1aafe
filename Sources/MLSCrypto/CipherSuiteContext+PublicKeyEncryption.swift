public import MLSCodec
import TLSPresentation

/// Encryption to a public key. RFC 9420 section 5.1.3, RFC 9180 section 6.1.
extension CipherSuiteContext {
    /// `SealBase(pkR, info, aad, pt)`.
    /// - Throws: `invalidKey` where the key is of another KEM or of small order.
    public mutating func sealBase(
        _ plaintext: RawSpan, to recipient: HPKEPublicKey, info: RawSpan, authenticating data: RawSpan
    ) throws(CryptoError) -> HPKECiphertext {
        var sender = try HPKESender(to: recipient, info: info, crypto: &self)
        let ciphertext = sender.seal(plaintext, authenticating: data, crypto: &self)
        return HPKECiphertext(kemOutput: sender.kemOutput, ciphertext: ciphertext)
    }

    /// `OpenBase(enc, skR, info, aad, ct)`.
    /// - Throws: `invalidKey`, `notAuthentic`.
    public mutating func openBase(
        _ ciphertext: HPKECiphertext, key: HPKEPrivateKey, info: RawSpan, authenticating data: RawSpan
    ) throws(CryptoError) -> SecretBytes {
        var recipient = try HPKERecipient(ciphertext.kemOutput.rawSpan, key: key, info: info, crypto: &self)
        return try recipient.open(ciphertext.ciphertext.rawSpan, authenticating: data, crypto: &self)
    }

    /// `EncryptWithLabel(PublicKey, Label, Context, Plaintext) = SealBase(PublicKey, EncryptContext, "", Plaintext)`
    /// ```
    /// struct { opaque label<V>; opaque context<V>; } EncryptContext;
    /// ```
    /// - Parameter label: without the "MLS 1.0 " that goes before it.
    /// - Throws: `invalidKey` where the key is of another KEM or of small order.
    public mutating func encryptWithLabel(
        _ plaintext: RawSpan, to recipient: HPKEPublicKey, label: String, context: RawSpan
    ) throws(CryptoError) -> HPKECiphertext {
        let head = encryptContextHead(label: label, contextByteCount: context.byteCount)
        var sender = try HPKESender(to: recipient, head: head.rawSpan, info: context, crypto: &self)
        let ciphertext = sender.seal(plaintext, authenticating: RawSpan(), crypto: &self)
        return HPKECiphertext(kemOutput: sender.kemOutput, ciphertext: ciphertext)
    }

    /// `DecryptWithLabel(PrivateKey, Label, Context, KEMOutput, Ciphertext)`.
    /// - Parameter label: without the "MLS 1.0 " that goes before it.
    /// - Throws: `invalidKey`, `notAuthentic`.
    public mutating func decryptWithLabel(
        _ ciphertext: HPKECiphertext, key: HPKEPrivateKey, label: String, context: RawSpan
    ) throws(CryptoError) -> SecretBytes {
        let head = encryptContextHead(label: label, contextByteCount: context.byteCount)
        var recipient = try HPKERecipient(
            ciphertext.kemOutput.rawSpan, key: key, head: head.rawSpan, info: context, crypto: &self)
        return try recipient.open(ciphertext.ciphertext.rawSpan, authenticating: RawSpan(), crypto: &self)
    }

    /// What an EncryptContext has before the bytes of its context, which may be long and so are not copied.
    private func encryptContextHead(label: String, contextByteCount: Int) -> [UInt8] {
        let prefix = SignContent.mlsLabelPrefix
        let byteCount = prefix.utf8.count + label.utf8.count
        var writer = Writer()
        writer.reserve(byteCount + 8)
        writer.varint(byteCount)
        writer.raw(prefix.utf8)
        writer.raw(label.utf8)
        writer.varint(contextByteCount)
        return writer.bytes
    }
}
