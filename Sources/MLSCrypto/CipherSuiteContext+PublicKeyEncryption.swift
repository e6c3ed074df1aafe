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

    /// What an EncryptContext is to encryption, for as many recipients as there are. RFC 9420 section 5.1.3.
    /// ```
    /// struct { opaque label<V>; opaque context<V>; } EncryptContext;
    /// ```
    /// Cost: a hash of `context`.
    /// - Parameter label: without the "MLS 1.0 " that goes before it.
    public mutating func encryptContext(label: String, context: RawSpan) -> PreparedEncryptContext {
        let head = encryptContextHead(label: label, contextByteCount: context.byteCount)
        return PreparedEncryptContext(hpkeContext: hpkeContext(head: head.rawSpan, info: context), suite: suite)
    }

    /// `EncryptWithLabel(PublicKey, Label, Context, Plaintext) = SealBase(PublicKey, EncryptContext, "", Plaintext)`
    /// - Precondition: the context is of the same suite.
    /// - Throws: `invalidKey` where the key is of another KEM or of small order.
    public mutating func encrypt(
        _ plaintext: RawSpan, to recipient: HPKEPublicKey, in context: PreparedEncryptContext
    ) throws(CryptoError) -> HPKECiphertext {
        precondition(context.suite == suite, "a context of the suite")
        var sender = try HPKESender(to: recipient, context: context.hpkeContext, crypto: &self)
        let ciphertext = sender.seal(plaintext, authenticating: RawSpan(), crypto: &self)
        return HPKECiphertext(kemOutput: sender.kemOutput, ciphertext: ciphertext)
    }

    /// `EncryptWithLabel` for a single recipient.
    public mutating func encryptWithLabel(
        _ plaintext: RawSpan, to recipient: HPKEPublicKey, label: String, context: RawSpan
    ) throws(CryptoError) -> HPKECiphertext {
        try encrypt(plaintext, to: recipient, in: encryptContext(label: label, context: context))
    }

    /// `DecryptWithLabel(PrivateKey, Label, Context, KEMOutput, Ciphertext)`.
    /// - Parameter label: without the "MLS 1.0 " that goes before it.
    /// - Throws: `invalidKey`, `notAuthentic`.
    public mutating func decryptWithLabel(
        _ ciphertext: HPKECiphertext, key: HPKEPrivateKey, label: String, context: RawSpan
    ) throws(CryptoError) -> SecretBytes {
        let context = encryptContext(label: label, context: context)
        var recipient = try HPKERecipient(
            ciphertext.kemOutput.rawSpan, key: key, context: context.hpkeContext, crypto: &self)
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
        return writer.take()
    }
}

/// An EncryptContext that was hashed, once for all that is encrypted with it: a Welcome's is as long as its group's tree,
/// and has a ciphertext for each joiner.
public struct PreparedEncryptContext: Sendable {
    /// HPKE's `key_schedule_context`. RFC 9180 section 5.1.
    let hpkeContext: [UInt8]
    let suite: CipherSuite
}
