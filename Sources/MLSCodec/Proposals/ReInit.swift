public import TLSPresentation

/// Ends a group, to go on as another one with other parameters. RFC 9420 section 12.1.5.
/// ```
/// struct {
///     opaque group_id<V>; ProtocolVersion version; CipherSuite cipher_suite; Extension extensions<V>;
/// } ReInit;
/// ```
public struct ReInit: Hashable, Sendable {
    public var groupID: [UInt8]
    public var version: ProtocolVersion
    public var cipherSuite: CipherSuite
    public var extensions: [Extension]

    public init(groupID: [UInt8], version: ProtocolVersion, cipherSuite: CipherSuite, extensions: [Extension] = []) {
        self.groupID = groupID
        self.version = version
        self.cipherSuite = cipherSuite
        self.extensions = extensions
    }
}

extension ReInit: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        groupID = try reader.opaque()
        version = try ProtocolVersion(from: &reader)
        cipherSuite = try CipherSuite(from: &reader)
        extensions = try reader.vector()
    }

    public func encode(into writer: inout Writer) {
        writer.opaque(groupID)
        version.encode(into: &writer)
        cipherSuite.encode(into: &writer)
        writer.vector(extensions)
    }
}
