import MLSCodec

/// RFC 9420 section 12.3: "The client MUST apply the proposals in the list in the following order".
extension ProvisionalGroup {
    mutating func apply(_ list: ProposalList) throws(GroupError) {
        try applyExtensions(list)
        try applyUpdatesAndRemoves(list)
        try checkProposalTypes(list)
        try applyAdds(list)
        noteTheRest(list)
    }

    /// "If there is a GroupContextExtensions proposal, replace the extensions field of the GroupContext for the group
    /// with the contents of the proposal. The new extensions MUST be used when evaluating other proposals in this list."
    private mutating func applyExtensions(_ list: ProposalList) throws(GroupError) {
        for case .groupContextExtensions(let proposal) in list.proposals.lazy.map(\.proposal) {
            parameters = try GroupParameters(proposal.extensions)
        }
    }

    /// "Apply any Update proposals to the ratchet tree, in any order. Apply any Remove proposals to the ratchet tree, in
    /// any order." SelfRemoves come between (draft-ietf-mls-extensions).
    private mutating func applyUpdatesAndRemoves(_ list: ProposalList) throws(GroupError) {
        var updates: [(leaf: LeafIndex, leafNode: LeafNode)] = []
        for queued in list.proposals {
            switch (queued.proposal, queued.sender) {
            case (.update(let update), .member(let leaf)): updates.append((leaf, update.leafNode))
            case (.selfRemove, .member(let leaf)): removed.append(leaf)
            case (.remove(let remove), _): removed.append(remove.removed)
            default: break
            }
        }
        updated = updates.map(\.leaf)

        // What members were goes before what they become comes, so that nobody is taken for who was there before.
        for leaf in updated + removed { forget(leaf) }
        for (leaf, leafNode) in updates {
            tree.updateLeaf(leafNode, at: leaf)
            guard members.insert(leafNode, at: leaf, policy.authenticationService) == nil else {
                throw .refused(.existingClient)
            }
        }
        for leaf in removed { tree.removeLeaf(at: leaf) }
    }

    /// Takes the member at `leaf` out of the index.
    mutating func forget(_ leaf: LeafIndex) {
        guard let leafNode = tree.leafNode(at: leaf) else { return }
        members.remove(leafNode, at: leaf, policy.authenticationService)
    }

    /// Section 12.2: "It contains a Proposal with a non-default proposal type that is not supported by some members of
    /// the group that will process the Commit (i.e., members being added or removed by the Commit do not need to support
    /// the proposal type)."
    private func checkProposalTypes(_ list: ProposalList) throws(GroupError) {
        for type in list.proposals.lazy.map(\.proposal.proposalType) where !type.isDefault {
            guard members.allSupport(type) else { throw .refused(.proposalTypeSupported) }
        }
    }

    /// "Apply any Add proposals to the ratchet tree, in the order they appear in the list."
    private mutating func applyAdds(_ list: ProposalList) throws(GroupError) {
        var addedLeaves: Set<LeafIndex> = []
        var addedKeys: Set<[UInt8]> = []
        for case .add(let add) in list.proposals.lazy.map(\.proposal) {
            let leafNode = add.keyPackage.leafNode
            // Section 12.2: "It contains multiple Add proposals that contain KeyPackages that represent the same client
            // according to the application (for example, identical signature keys)."
            guard addedKeys.insert(leafNode.signatureKey).inserted else { throw .refused(.sameClient) }
            // "It contains an Add proposal with a KeyPackage that represents a client already in the group according to
            // the application, unless there is a Remove proposal in the list removing the matching client from the
            // group."
            guard !tree.containsSignatureKey(leafNode.signatureKey) else { throw .refused(.existingClient) }

            let leaf = tree.addLeaf(leafNode)
            // The same two rules, where the application says who is who.
            if let same = members.insert(leafNode, at: leaf, policy.authenticationService) {
                throw .refused(addedLeaves.contains(same) ? .sameClient : .existingClient)
            }
            addedLeaves.insert(leaf)
            added.append((leaf, add.keyPackage))
        }
    }

    /// What the key schedule, the next group and the application need: PSKs "in the order they appear in the list", ExternalInit, ReInit.
    private mutating func noteTheRest(_ list: ProposalList) {
        for queued in list.proposals {
            switch queued.proposal {
            case .psk(let proposal): psks.append(proposal.psk)
            case .externalInit(let proposal): externalInit = proposal.kemOutput
            case .reInit(let proposal): reInit = proposal
            case .custom: custom.append(queued)
            case .add, .update, .remove, .groupContextExtensions, .selfRemove: break
            }
        }
    }

    /// Section 12.2: "After processing the Commit the ratchet tree is invalid, in particular, if it contains any leaf
    /// node that is invalid according to Section 7.3." Only what changed can have become so.
    func checkMembers(extensionsChanged: Bool) throws(GroupError) {
        for leaf in updated + added.map(\.leafIndex) {
            try tree.leafNode(at: leaf)?.validate(in: parameters, with: members)
        }

        // Section 7.3: "Verify that the following fields are unique among the members of the group".
        try tree.checkKeysAreUnique()

        if extensionsChanged { try checkExtensionsAreSupported() }
    }

    private func checkExtensionsAreSupported() throws(GroupError) {
        // The committer comes with another leaf node, which is asked itself: new extensions require a path.
        var others = members
        if let leafNode = tree.leafNode(at: committer) {
            others.remove(leafNode, at: committer, policy.authenticationService)
        }

        // Section 12.1.7: "A GroupContextExtensions proposal is invalid if it includes a required_capabilities extension
        // and some members of the group do not support some of the required capabilities (including those added in the
        // same Commit, and excluding those removed)."
        if let required = parameters.requiredCapabilities, !others.allSupport(required) {
            throw .refused(.groupRequiredCapabilities)
        }

        // Section 13.4: "an extension in use by the group MUST be supported by all members of the group."
        for type in parameters.listedTypes {
            guard others.allSupport(type) else { throw .refused(.groupExtensionsSupported) }
        }
    }
}
