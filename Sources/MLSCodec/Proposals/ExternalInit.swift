public import TLSPresentation

/// Joins a group from outside, with a secret for its `external_pub`. RFC 9420 section 12.1.6.
/// ```
/// struct { opaque kem_output<V>; } ExternalInit;
/// ```
public struct ExternalInit: Hashable, Sendable {
    public var kemOutput: [UInt8]

    public init(kemOutput: [UInt8]) { self.kemOutput = kemOutput }
}

extension ExternalInit: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) { kemOutput = try reader.opaque() }
    public func encode(into writer: inout Writer) { writer.opaque(kemOutput) }
}
