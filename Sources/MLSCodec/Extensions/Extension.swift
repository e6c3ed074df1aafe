public import TLSPresentation

/// Something said beside the fields of a structure, of a type that the receiver may not know. RFC 9420 section 13.4.
/// ```
/// struct { ExtensionType extension_type; opaque extension_data<V>; } Extension;
/// ```
public struct Extension: Hashable, Sendable {
    public var extensionType: ExtensionType
    public var extensionData: [UInt8]

    public init(extensionType: ExtensionType, extensionData: [UInt8]) {
        self.extensionType = extensionType
        self.extensionData = extensionData
    }

    /// An extension whose data is the encoding of `body`.
    public init<Body: ExtensionBody>(_ body: Body) {
        self.init(extensionType: Body.extensionType, extensionData: body.encoded)
    }

    /// The data as a `Body`; nil if the extension is of another type.
    public func body<Body: ExtensionBody>(_ type: Body.Type = Body.self) throws(DecodingError) -> Body? {
        extensionType == Body.extensionType ? try Body(decoding: extensionData) : nil
    }
}

extension Extension: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        extensionType = try ExtensionType(from: &reader)
        extensionData = try reader.opaque()
    }

    public func encode(into writer: inout Writer) {
        extensionType.encode(into: &writer)
        writer.opaque(extensionData)
    }
}

/// What the data of an extension of a known type holds.
public protocol ExtensionBody: TLSCodable, Hashable, Sendable {
    static var extensionType: ExtensionType { get }
}

extension [Extension] {
    /// The body of the first extension of that type; nil if there is none.
    public func first<Body: ExtensionBody>(_ type: Body.Type = Body.self) throws(DecodingError) -> Body? {
        guard let match = first(where: { $0.extensionType == Body.extensionType }) else { return nil }
        return try match.body(type)
    }
}
