public import TLSPresentation

/// The key by which somebody outside of a group joins it with an external commit. RFC 9420 section 12.4.3.2.
/// ```
/// struct { HPKEPublicKey external_pub; } ExternalPub;
/// ```
public struct ExternalPub: ExtensionBody {
    public static var extensionType: ExtensionType { .externalPub }

    public var externalPub: [UInt8]

    public init(externalPub: [UInt8]) { self.externalPub = externalPub }

    public init(from reader: inout Reader) throws(DecodingError) { externalPub = try reader.opaque() }
    public func encode(into writer: inout Writer) { writer.opaque(externalPub) }
}
