/// The side of HPKE that encrypts. RFC 9180 section 5.
public struct HPKESender: ~Copyable {
    /// `enc`, which the recipient needs.
    public let kemOutput: [UInt8]
    private var schedule: HPKEKeySchedule

    /// `SetupBaseS(pkR, info)`. RFC 9180 section 5.1.1.
    /// - Throws: `invalidKey` where the key is of another KEM or of small order.
    public init(
        to recipient: HPKEPublicKey, info: RawSpan, crypto: inout CipherSuiteContext
    ) throws(CryptoError) {
        try self.init(to: recipient, context: crypto.hpkeContext(info: info), crypto: &crypto)
    }

    /// The same with what `hpkeContext` made of the info.
    init(
        to recipient: HPKEPublicKey, context: [UInt8], crypto: inout CipherSuiteContext
    ) throws(CryptoError) {
        let encapsulation = try crypto.encapsulate(to: recipient)
        kemOutput = encapsulation.kemOutput
        schedule = HPKEKeySchedule(
            sharedSecret: encapsulation.sharedSecret.bytes, context: context, crypto: &crypto)
    }

    /// `ContextS.Seal(aad, pt)`: the next message.
    public mutating func seal(
        _ plaintext: RawSpan, authenticating data: RawSpan, crypto: inout CipherSuiteContext
    ) -> [UInt8] {
        schedule.seal(plaintext, authenticating: data, crypto: &crypto)
    }

    /// `Context.Export(exporter_context, L)`.
    public func export(_ context: RawSpan, byteCount: Int, crypto: inout CipherSuiteContext) -> SecretBytes {
        schedule.export(context, byteCount: byteCount, crypto: &crypto)
    }
}
