extension PreSharedKeyID: FieldDescribed {
    public var fields: [FieldTree] {
        let type = FieldTree("psktype", key.pskType)
        let nonce = FieldTree("psk_nonce", pskNonce)
        return switch key {
        case .external(let pskID): [type, FieldTree("psk_id", pskID), nonce]
        case .resumption(let usage, let pskGroupID, let pskEpoch):
            [
                type, FieldTree("usage", usage), FieldTree("psk_group_id", pskGroupID),
                FieldTree("psk_epoch", pskEpoch), nonce,
            ]
        }
    }
}

extension Proposal: FieldDescribed {
    public var fields: [FieldTree] {
        let type = FieldTree("proposal_type", proposalType)
        return switch self {
        case .add(let proposal): [type, FieldTree("key_package", proposal.keyPackage)]
        case .update(let proposal): [type, FieldTree("leaf_node", proposal.leafNode)]
        case .remove(let proposal): [type, FieldTree("removed", proposal.removed)]
        case .psk(let proposal): [type, FieldTree("psk", proposal.psk)]
        case .reInit(let proposal):
            [
                type, FieldTree("group_id", proposal.groupID), FieldTree("version", proposal.version),
                FieldTree("cipher_suite", proposal.cipherSuite), FieldTree("extensions", proposal.extensions),
            ]
        case .externalInit(let proposal): [type, FieldTree("kem_output", proposal.kemOutput)]
        case .groupContextExtensions(let proposal): [type, FieldTree("extensions", proposal.extensions)]
        case .selfRemove: [type]
        case .custom(let proposal): [type, FieldTree("content", proposal.content)]
        }
    }
}

extension ProposalOrRef: FieldDescribed {
    public var fields: [FieldTree] {
        let type = FieldTree("type", type)
        return switch self {
        case .proposal(let proposal): [type, FieldTree("proposal", proposal)]
        case .reference(let reference): [type, FieldTree("reference", reference)]
        }
    }
}

extension Commit: FieldDescribed {
    public var fields: [FieldTree] { [FieldTree("proposals", proposals), FieldTree("path", path)] }
}
