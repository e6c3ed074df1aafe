public import TLSPresentation

/// Mixes a pre-shared key into the next epoch. RFC 9420 section 12.1.4.
/// ```
/// struct { PreSharedKeyID psk; } PreSharedKey;
/// ```
public struct PreSharedKey: Hashable, Sendable {
    public var psk: PreSharedKeyID

    public init(psk: PreSharedKeyID) { self.psk = psk }
}

extension PreSharedKey: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) { psk = try PreSharedKeyID(from: &reader) }
    public func encode(into writer: inout Writer) { psk.encode(into: &writer) }
}
