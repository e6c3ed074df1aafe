public import TLSPresentation

/// What adds a client to a group while it is away. RFC 9420 section 10.
/// ```
/// struct {
///     ProtocolVersion version;
///     CipherSuite cipher_suite;
///     HPKEPublicKey init_key;
///     LeafNode leaf_node;
///     Extension extensions<V>;
///     /* SignWithLabel(., "KeyPackageTBS", KeyPackageTBS) */
///     opaque signature<V>;
/// } KeyPackage;
/// ```
public struct KeyPackage: Hashable, Sendable {
    /// mls10: one of another version does not decode.
    public var version: ProtocolVersion
    public var cipherSuite: CipherSuite
    public var initKey: [UInt8]
    public var leafNode: LeafNode
    public var extensions: [Extension]
    public var signature: [UInt8]

    public init(
        version: ProtocolVersion = .mls10, cipherSuite: CipherSuite, initKey: [UInt8], leafNode: LeafNode,
        extensions: [Extension] = [], signature: [UInt8] = []
    ) {
        self.version = version
        self.cipherSuite = cipherSuite
        self.initKey = initKey
        self.leafNode = leafNode
        self.extensions = extensions
        self.signature = signature
    }

    /// Whether it may be handed out again when no other is left.
    public var isLastResort: Bool { extensions.contains { $0.extensionType == .lastResort } }

    /// All fields but the signature.
    func encodeUnsigned(into writer: inout Writer) {
        version.encode(into: &writer)
        cipherSuite.encode(into: &writer)
        writer.opaque(initKey)
        leafNode.encode(into: &writer)
        writer.vector(extensions)
    }
}

extension KeyPackage: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        try ProtocolVersion.expectMLS10(&reader)
        version = .mls10
        cipherSuite = try CipherSuite(from: &reader)
        initKey = try reader.opaque()
        leafNode = try LeafNode(from: &reader)
        extensions = try reader.vector()
        signature = try reader.opaque()
    }

    public func encode(into writer: inout Writer) {
        encodeUnsigned(into: &writer)
        writer.opaque(signature)
    }
}

/// What a KeyPackage's signature covers: all of its fields but that. RFC 9420 section 10.
public struct KeyPackageTBS: TLSEncodable, Hashable, Sendable {
    public static let label = "KeyPackageTBS"

    public var keyPackage: KeyPackage

    public init(_ keyPackage: KeyPackage) { self.keyPackage = keyPackage }

    public func encode(into writer: inout Writer) { keyPackage.encodeUnsigned(into: &writer) }
}
