public import TLSPresentation

/// A client in a group's tree, or about to be: its keys, its credential and what it understands. RFC 9420 section 7.2.
/// ```
/// struct {
///     HPKEPublicKey encryption_key;
///     SignaturePublicKey signature_key;
///     Credential credential;
///     Capabilities capabilities;
///     LeafNodeSource leaf_node_source;
///     select (LeafNode.leaf_node_source) {
///         case key_package: Lifetime lifetime;
///         case update: struct{};
///         case commit: opaque parent_hash<V>;
///     };
///     Extension extensions<V>;
///     /* SignWithLabel(., "LeafNodeTBS", LeafNodeTBS) */
///     opaque signature<V>;
/// } LeafNode;
/// ```
public struct LeafNode: Hashable, Sendable {
    /// How the leaf node came into the tree, with what goes with that.
    public enum Source: Hashable, Sendable {
        case keyPackage(Lifetime)
        case update
        case commit(parentHash: [UInt8])

        public var leafNodeSource: LeafNodeSource {
            switch self {
            case .keyPackage: .keyPackage
            case .update: .update
            case .commit: .commit
            }
        }
    }

    public var encryptionKey: [UInt8]
    public var signatureKey: [UInt8]
    public var credential: Credential
    public var capabilities: Capabilities
    public var source: Source
    public var extensions: [Extension]
    public var signature: [UInt8]

    public init(
        encryptionKey: [UInt8], signatureKey: [UInt8], credential: Credential, capabilities: Capabilities,
        source: Source, extensions: [Extension] = [], signature: [UInt8] = []
    ) {
        self.encryptionKey = encryptionKey
        self.signatureKey = signatureKey
        self.credential = credential
        self.capabilities = capabilities
        self.source = source
        self.extensions = extensions
        self.signature = signature
    }

    /// All fields but the signature.
    func encodeUnsigned(into writer: inout Writer) {
        writer.opaque(encryptionKey)
        writer.opaque(signatureKey)
        credential.encode(into: &writer)
        capabilities.encode(into: &writer)
        source.leafNodeSource.encode(into: &writer)
        switch source {
        case .keyPackage(let lifetime): lifetime.encode(into: &writer)
        case .update: break
        case .commit(let parentHash): writer.opaque(parentHash)
        }
        writer.vector(extensions)
    }
}

extension LeafNode: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        encryptionKey = try reader.opaque()
        signatureKey = try reader.opaque()
        credential = try Credential(from: &reader)
        capabilities = try Capabilities(from: &reader)
        switch try LeafNodeSource(from: &reader) {
        case .keyPackage: source = .keyPackage(try Lifetime(from: &reader))
        case .update: source = .update
        case .commit: source = .commit(parentHash: try reader.opaque())
        }
        extensions = try reader.vector()
        signature = try reader.opaque()
    }

    public func encode(into writer: inout Writer) {
        encodeUnsigned(into: &writer)
        writer.opaque(signature)
    }
}
