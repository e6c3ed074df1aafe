public import TLSPresentation

/// Something encrypted to a public key. RFC 9420 section 7.6.
/// ```
/// struct { opaque kem_output<V>; opaque ciphertext<V>; } HPKECiphertext;
/// ```
public struct HPKECiphertext: Hashable, Sendable {
    public var kemOutput: [UInt8]
    public var ciphertext: [UInt8]

    public init(kemOutput: [UInt8], ciphertext: [UInt8]) {
        self.kemOutput = kemOutput
        self.ciphertext = ciphertext
    }
}

extension HPKECiphertext: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        kemOutput = try reader.opaque()
        ciphertext = try reader.opaque()
    }

    public func encode(into writer: inout Writer) {
        writer.opaque(kemOutput)
        writer.opaque(ciphertext)
    }
}
