import MLSCodec

/// Where a leaf node appears, which says what it has to be like. RFC 9420 section 7.3.
enum LeafNodePlace {
    /// In a KeyPackage, alone or in an Add.
    case keyPackage(CredentialPlace)
    /// In an Update of the member at `leaf`, whose leaf node it replaces.
    case update(groupID: [UInt8], leaf: LeafIndex, replaced: LeafNode)
    /// In the path of a Commit. What it replaces is nil for somebody who joins with it.
    case commit(groupID: [UInt8], leaf: LeafIndex, replaced: LeafNode?)
    /// In the ratchet tree of a group that is joined.
    case tree(groupID: [UInt8], leaf: LeafIndex)

    var credentialPlace: CredentialPlace {
        switch self {
        case .keyPackage(let place): place
        case .update: .update
        case .commit(_, _, let replaced): replaced == nil ? .externalCommit : .path
        case .tree: .tree
        }
    }

    var isInTree: Bool {
        if case .tree = self { true } else { false }
    }

    /// The leaf node that gives way to this one.
    var replaced: LeafNode? {
        switch self {
        case .keyPackage, .tree: nil
        case .update(_, _, let replaced): replaced
        case .commit(_, _, let replaced): replaced
        }
    }

    /// What the signature of a leaf node covers there.
    func toBeSigned(_ leafNode: LeafNode) -> LeafNodeTBS {
        switch self {
        case .keyPackage: LeafNodeTBS(leafNode)
        case .update(let groupID, let leaf, _), .commit(let groupID, let leaf, _), .tree(let groupID, let leaf):
            LeafNodeTBS(leafNode, groupID: groupID, leafIndex: leaf)
        }
    }
}
