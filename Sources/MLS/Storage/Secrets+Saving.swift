import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation

/// The parts of a group's state as bytes. All lengths are checked when they are read back.
extension TreeKEMPrivateKeys {
    /// ```
    /// struct { uint32 node_index; opaque private_key<V>; opaque public_key<V>; } SavedNodeKey;
    /// struct { uint32 leaf_index; SavedNodeKey keys<V>; } SavedPrivateKeys;  /* the leaf's key first */
    /// ```
    func save(into writer: inout SecretWriter) throws(CryptoError) {
        writer.encode(leaf)
        writer.encode(UInt16(parentKeys.count + 1))
        try leafKey.save(as: NodeIndex(leaf), into: &writer)
        for (node, key) in parentKeys { try key.save(as: node, into: &writer) }
    }

    init(saved reader: inout Reader, kem: KEM) throws(DecodingError) {
        let leaf = try LeafIndex(from: &reader)
        let count = try reader.uint16()
        guard count > 0 else { throw reader.error(.invalidField("keys")) }
        let (leafNode, leafKey) = try HPKEPrivateKey.restore(from: &reader, kem: kem)
        guard leafNode == NodeIndex(leaf) else { throw reader.error(.invalidField("node_index")) }
        self.init(leaf: leaf, leafKey: leafKey)
        for _ in 1..<count {
            let (node, key) = try HPKEPrivateKey.restore(from: &reader, kem: kem)
            setParentKey(key, of: node)
        }
    }
}

extension HPKEPrivateKey {
    fileprivate func save(as node: NodeIndex, into writer: inout SecretWriter) throws(CryptoError) {
        writer.encode(node.rawValue)
        try saveHalves(into: &writer)
    }

    /// ```
    /// opaque private_key<V>; opaque public_key<V>;
    /// ```
    func saveHalves(into writer: inout SecretWriter) throws(CryptoError) {
        let privateKey = try privateKeyBytes()
        writer.opaque(privateKey.bytes)
        let publicKey = publicKeyBytes
        writer.opaque(publicKey.rawSpan)
    }

    fileprivate static func restore(
        from reader: inout Reader, kem: KEM
    ) throws(DecodingError) -> (NodeIndex, HPKEPrivateKey) {
        let node = NodeIndex(try reader.uint32())
        return (node, try restoreHalves(from: &reader, kem: kem))
    }

    static func restoreHalves(from reader: inout Reader, kem: KEM) throws(DecodingError) -> HPKEPrivateKey {
        let start = reader.byteOffset
        let privateKey = try reader.opaqueSpan()
        let publicKey = try reader.opaqueSpan()
        do throws(CryptoError) {
            return try HPKEPrivateKey(privateKey: privateKey, publicKey: publicKey, kem: kem)
        } catch { throw DecodingError(.invalidField("private_key"), at: start) }
    }
}

extension ClientIdentity {
    /// ```
    /// struct { Credential credential; opaque signature_private_key<V>; } SavedIdentity;
    /// ```
    func save(into writer: inout SecretWriter) throws(CryptoError) {
        writer.encode(credential)
        let privateKey = try signingKey.privateKeyBytes()
        writer.opaque(privateKey.bytes)
    }

    init(saved reader: inout Reader, scheme: SignatureScheme) throws(DecodingError) {
        let credential = try Credential(from: &reader)
        let start = reader.byteOffset
        let privateKey = try reader.opaqueSpan()
        do throws(CryptoError) {
            let key = try SigningKey(privateKey: privateKey, scheme: scheme)
            self.init(credential: credential, signingKey: key)
        } catch { throw DecodingError(.invalidField("signature_private_key"), at: start) }
    }
}

extension PastEpoch {
    /// ```
    /// struct { uint32 leaf_index; optional<SignaturePublicKey> signature_key; } ChangedLeaf;
    /// struct {
    ///     uint32 leaf_count; opaque group_context<V>; opaque sender_data_secret<V>; ChangedLeaf changed_leaves<V>;
    /// } SavedPastEpoch;
    /// ```
    func saved() -> SharedSecret {
        var writer = SecretWriter(capacity: framing.groupContext.count + 256)
        writer.encode(secretTree.leafCount.rawValue)
        let context = framing.groupContext
        writer.opaque(context.rawSpan)
        senderDataSecret.withBytes { writer.opaque($0) }
        var leaves = Writer()
        leaves.vector { writer in
            for (leaf, key) in changedLeaves {
                leaf.encode(into: &writer)
                writer.isPresent(key != nil)
                if let key { writer.opaque(key) }
            }
        }
        let leafBytes = leaves.bytes
        writer.raw(leafBytes.rawSpan)
        let bytes = writer.finish()
        return SharedSecret(copying: bytes.bytes)
    }

    /// - Parameter limits: of its secret tree, of which the records are still to be restored.
    convenience init(
        saved bytes: RawSpan, groupID: [UInt8], epoch: UInt64, limits: SecretTreeLimits, secretByteCount: Int
    ) throws(DecodingError) {
        var reader = Reader(bytes)
        guard let leafCount = LeafCount(saved: try reader.uint32()) else {
            throw reader.error(.invalidField("leaf_count"))
        }
        let context = try reader.opaque()
        let senderDataSecret = try reader.secret(byteCount: secretByteCount)
        var leaves: [LeafIndex: [UInt8]?] = [:]
        var content = try reader.vectorReader()
        while !content.isAtEnd {
            let leaf = try LeafIndex(from: &content)
            leaves[leaf] = .some(try content.isPresent() ? try content.opaque() : nil)
        }
        try reader.expectEnd()
        self.init(
            framing: FramingContext(groupID: groupID, epoch: epoch, groupContext: context),
            senderDataSecret: senderDataSecret, secretTree: SecretTree(restoring: leafCount, limits: limits),
            changedLeaves: leaves)
    }
}

extension LeafCount {
    /// A tree's size as it was saved: a power of two, and not so large that only damage can have made it.
    init?(saved rawValue: UInt32) {
        guard rawValue <= Self.maxSaved, let leafCount = LeafCount(enclosing: Int(rawValue)),
            leafCount.rawValue == rawValue
        else { return nil }
        self = leafCount
    }

    /// Sixteen million leaves: a thousand times the largest groups there are.
    private static var maxSaved: UInt32 { 1 << 24 }
}
