extension ParentNode: FieldDescribed {
    public var fields: [FieldTree] {
        [
            FieldTree("encryption_key", encryptionKey), FieldTree("parent_hash", parentHash),
            FieldTree("unmerged_leaves", unmergedLeaves),
        ]
    }
}

extension Node: FieldDescribed {
    public var fields: [FieldTree] {
        let type = FieldTree("node_type", nodeType)
        return switch self {
        case .leaf(let leafNode): [type, FieldTree("leaf_node", leafNode)]
        case .parent(let parentNode): [type, FieldTree("parent_node", parentNode)]
        }
    }
}

extension RatchetTree: FieldDescribed {
    public var fields: [FieldTree] {
        [
            FieldTree(
                "ratchet_tree",
                .children(
                    nodes.enumerated().map { index, node in
                        FieldTree("\(index)", node.map { .children($0.fields) } ?? .text("(blank)"))
                    }))
        ]
    }
}

extension HPKECiphertext: FieldDescribed {
    public var fields: [FieldTree] { [FieldTree("kem_output", kemOutput), FieldTree("ciphertext", ciphertext)] }
}

extension UpdatePathNode: FieldDescribed {
    public var fields: [FieldTree] {
        [
            FieldTree("encryption_key", encryptionKey), FieldTree("encrypted_path_secret", encryptedPathSecret),
        ]
    }
}

extension UpdatePath: FieldDescribed {
    public var fields: [FieldTree] { [FieldTree("leaf_node", leafNode), FieldTree("nodes", nodes)] }
}
