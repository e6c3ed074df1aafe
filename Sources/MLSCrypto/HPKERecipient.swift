/// The side of HPKE that decrypts. RFC 9180 section 5.
public struct HPKERecipient: ~Copyable {
    private var schedule: HPKEKeySchedule

    /// `SetupBaseR(enc, skR, info)`. RFC 9180 section 5.1.1.
    /// - Throws: `invalidKey` where `kemOutput` is no key, or one of small order.
    public init(
        _ kemOutput: RawSpan, key: HPKEPrivateKey, info: RawSpan, crypto: inout CipherSuiteContext
    ) throws(CryptoError) {
        try self.init(kemOutput, key: key, context: crypto.hpkeContext(info: info), crypto: &crypto)
    }

    /// The same with what `hpkeContext` made of the info.
    init(
        _ kemOutput: RawSpan, key: HPKEPrivateKey, context: [UInt8], crypto: inout CipherSuiteContext
    ) throws(CryptoError) {
        let sharedSecret = try crypto.decapsulate(kemOutput, with: key)
        schedule = HPKEKeySchedule(sharedSecret: sharedSecret.bytes, context: context, crypto: &crypto)
    }

    /// `ContextR.Open(aad, ct)`: the next message; one that is refused does not count.
    /// - Throws: `notAuthentic`.
    public mutating func open(
        _ ciphertext: RawSpan, authenticating data: RawSpan, crypto: inout CipherSuiteContext
    ) throws(CryptoError) -> SecretBytes {
        try schedule.open(ciphertext, authenticating: data, crypto: &crypto)
    }

    /// `Context.Export(exporter_context, L)`.
    public func export(_ context: RawSpan, byteCount: Int, crypto: inout CipherSuiteContext) -> SecretBytes {
        schedule.export(context, byteCount: byteCount, crypto: &crypto)
    }
}
