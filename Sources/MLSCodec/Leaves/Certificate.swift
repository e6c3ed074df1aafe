public import TLSPresentation

/// One X.509 certificate, DER. RFC 9420 section 5.3.
/// ```
/// struct { opaque cert_data<V>; } Certificate;
/// ```
public struct Certificate: Hashable, Sendable {
    public var certData: [UInt8]

    public init(certData: [UInt8]) { self.certData = certData }
}

extension Certificate: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) { certData = try reader.opaque() }
    public func encode(into writer: inout Writer) { writer.opaque(certData) }
}
