public import TLSPresentation

/// Replaces all of the group's extensions. RFC 9420 section 12.1.7.
/// ```
/// struct { Extension extensions<V>; } GroupContextExtensions;
/// ```
public struct GroupContextExtensions: Hashable, Sendable {
    public var extensions: [Extension]

    public init(extensions: [Extension]) { self.extensions = extensions }
}

extension GroupContextExtensions: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) { extensions = try reader.vector() }
    public func encode(into writer: inout Writer) { writer.vector(extensions) }
}
