import MLSCodec
import TLSPresentation

/// What both sides of HPKE derive from the shared secret: the context of RFC 9180 section 5.1.
///
/// Invariant: `sequenceNumber` messages were encrypted or decrypted.
struct HPKEKeySchedule: ~Copyable {
    let suite: CipherSuite
    private let key: SecretBytes
    private let baseNonce: SecretBytes
    private let exporterSecret: SecretBytes
    private var sequenceNumber: UInt64 = 0

    /// `KeySchedule(mode_base, shared_secret, info, "", "")`, for an info that is `head || info`.
    init(
        sharedSecret: RawSpan, head: RawSpan, info: RawSpan, crypto: inout CipherSuiteContext
    ) {
        suite = crypto.suite
        let context = crypto.hpkeContext(head: head, info: info)
        let secret = crypto.labeledExtract(
            .hpke, salt: sharedSecret, label: "secret", inputKeyMaterial: RawSpan())
        let aead = crypto.aeadAlgorithm
        key = crypto.labeledExpand(
            .hpke, secret.bytes, label: "key", info: context.rawSpan, byteCount: aead.keyByteCount)
        baseNonce = crypto.labeledExpand(
            .hpke, secret.bytes, label: "base_nonce", info: context.rawSpan, byteCount: aead.nonceByteCount)
        exporterSecret = crypto.labeledExpand(
            .hpke, secret.bytes, label: "exp", info: context.rawSpan, byteCount: crypto.hashByteCount)
    }

    /// `Context.Export(exporter_context, L)`. RFC 9180 section 5.3.
    func export(_ context: RawSpan, byteCount: Int, crypto: inout CipherSuiteContext) -> SecretBytes {
        precondition(crypto.suite == suite, "the suite that this was set up with")
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
    /// `key_schedule_context`: the mode, `psk_id_hash` and `info_hash`.
    fileprivate mutating func hpkeContext(head: RawSpan, info: RawSpan) -> [UInt8] {
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
