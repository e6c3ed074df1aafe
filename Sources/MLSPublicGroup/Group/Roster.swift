public import MLSCodec

/// A member as the others see it.
public struct Member: Hashable, Sendable {
    /// Its leaf in this epoch; another's in another one, maybe. RFC 9420 section 5.3.3.
    public let leafIndex: LeafIndex
    public let credential: Credential
    public let signatureKey: [UInt8]
}

extension PublicGroup {
    /// All members, from the left. Cost: each leaf node is decoded.
    public var roster: [Member] { tree.members.compactMap { member(at: $0) } }

    /// The member at a leaf; nil where that is blank.
    public func member(at leaf: LeafIndex) -> Member? {
        guard let leafNode = tree.leafNode(at: leaf) else { return nil }
        return Member(leafIndex: leaf, credential: leafNode.credential, signatureKey: leafNode.signatureKey)
    }
}
