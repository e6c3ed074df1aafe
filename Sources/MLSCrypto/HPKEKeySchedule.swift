import MLSCodec
import TLSPresentation

/// What both sides of HPKE derive from the shared secret: the context of RFC 9180 section 5.1.
///
/// Invariant: `sequenceNumber` messages were encrypted or decrypted.
struct HPKEKeySchedule: ~Copyable {
    let suite: CipherSuite
    private let key: SecretBytes
    private let baseNonce: SecretBytes
    /// What the exporter's secret is derived from, which few ask for.
    private let secret: SecretBytes
    private let context: [UInt8]
    private var sequenceNumber: UInt64 = 0

    /// `KeySchedule(mode_base, shared_secret, info, "", "")`.
    /// - Parameter context: what `hpkeContext` made of the info.
    init(sharedSecret: RawSpan, context: [UInt8], crypto: inout CipherSuiteContext) {
        suite = crypto.suite
        let secret = crypto.labeledExtract(
            .hpke, salt: sharedSecret, label: "secret", inputKeyMaterial: RawSpan())
        let aead = crypto.aeadAlgorithm
        key = Self.derive("key", of: secret, context, byteCount: aead.keyByteCount, crypto: &crypto)
        baseNonce = Self.derive("base_nonce", of: secret, context, byteCount: aead.nonceByteCount, crypto: &crypto)
        self.context = context
        self.secret = secret
    }

    /// `LabeledExpand(secret, label, key_schedule_context, L)`.
    private static func derive(
        _ label: StaticString, of secret: borrowing SecretBytes, _ context: [UInt8], byteCount: Int,
        crypto: inout CipherSuiteContext
    ) -> SecretBytes {
        crypto.labeledExpand(.hpke, secret.bytes, label: label, info: context.rawSpan, byteCount: byteCount)
    }

    /// `Context.Export(exporter_context, L)`. RFC 9180 section 5.3.
    func export(_ context: RawSpan, byteCount: Int, crypto: inout CipherSuiteContext) -> SecretBytes {
        precondition(crypto.suite == suite, "the suite that this was set up with")
        let exporterSecret = Self.derive(
            "exp", of: secret, self.context, byteCount: crypto.hashByteCount, crypto: &crypto)
        return crypto.labeledExpand(.hpke, exporterSecret.bytes, label: "sec", info: context, byteCount: byteCount)
    }

    /// `ContextS.Seal(aad, pt)`. RFC 9180 section 5.2.
    mutating func seal(
        _ plaintext: RawSpan, authenticating data: RawSpan, crypto: inout CipherSuiteContext
    ) -> [UInt8] {
        precondition(crypto.suite == suite, "the suite that this was set up with")
        let nonce = nonce()
        sequenceNumber += 1
        return crypto.seal(plaintext, key: key.bytes, nonce: nonce.bytes, authenticating: data)
    }

    /// `ContextR.Open(aad, ct)`. A message that is refused does not count.
    mutating func open(
        _ ciphertext: RawSpan, authenticating data: RawSpan, crypto: inout CipherSuiteContext
    ) throws(CryptoError) -> SecretBytes {
        precondition(crypto.suite == suite, "the suite that this was set up with")
        let nonce = nonce()
        let plaintext = try crypto.openSecret(
            ciphertext, key: key.bytes, nonce: nonce.bytes, authenticating: data)
        sequenceNumber += 1
        return plaintext
    }

    /// `ComputeNonce(seq)`: the sequence number over the last bytes of the base nonce.
    private func nonce() -> SecretBytes {
        var nonce = SecretBytes(copying: baseNonce.bytes)
        unsafe nonce.withUnsafeMutableBytes { nonce in
            for index in 0..<8 {
                unsafe nonce[nonce.count - 1 - index] ^= UInt8(truncatingIfNeeded: sequenceNumber >> (8 * index))
            }
        }
        return nonce
    }
}

extension CipherSuiteContext {
    /// `key_schedule_context`: the mode, `psk_id_hash` and `info_hash`, for an info that is `head || info`.
    mutating func hpkeContext(head: RawSpan = RawSpan(), info: RawSpan) -> [UInt8] {
        if emptyPSKIDHash.isEmpty {
            let hash = labeledExtract(.hpke, salt: RawSpan(), label: "psk_id_hash", inputKeyMaterial: RawSpan())
            emptyPSKIDHash = unsafe hash.bytes.withUnsafeBytes { unsafe [UInt8]($0) }
        }
        let infoHash = labeledExtract(
            .hpke, salt: RawSpan(), label: "info_hash", head: head, inputKeyMaterial: info)
        var context = Writer()
        context.reserve(1 + 2 * hashByteCount)
        context.integer(0 as UInt8)
        context.raw(emptyPSKIDHash)
        context.raw(infoHash.bytes)
        return context.bytes
    }
}
