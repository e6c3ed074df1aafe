public import MLSCodec
import TLSPresentation

/// Commits. RFC 9420 sections 12.2 to 12.4.
extension PublicGroup {
    /// The group after the proposals of a Commit, which are checked; its path comes next. For whoever makes the Commit
    /// and for all who process it.
    /// - Parameters:
    ///   - committer: `member`, or `newMemberCommit` for an external Commit.
    ///   - joiner: the leaf node of an external Commit's path; nothing else looks at it. While the path is being made,
    ///     one with the same keys and credential, which `ProvisionalGroup.setOwnLeafNode` replaces.
    ///   - resumption: what this group is made for where this is its first Commit, which may then have such a PSK. RFC
    ///     9420 sections 11.2 and 11.3.
    public func applyProposals(
        _ proposals: [ProposalOrRef], committer: Sender, joiner: LeafNode? = nil,
        resumption: ResumptionPSKUsage? = nil
    ) throws(GroupError) -> ProvisionalGroup {
        // Section 8.1: "The epoch field increments by one for each Commit message that is processed."
        guard groupContext.epoch < .max else { throw .refused(.epochExhausted) }
        let list = try ProposalList(proposals, committer: committer, pending: pending)
        // Section 12.2: "It contains an individual proposal that is invalid". Those by reference were valid when they
        // were cached, and the group is the same.
        let fresh = list.proposals.filter { $0.ref == nil }
        try concurrentCheck(count: fresh.count, threadCount: policy.verificationThreadCount) {
            (number) throws(GroupError) in
            try validate(fresh[number].proposal, from: fresh[number].sender, resumption: resumption)
        }

        switch committer {
        case .member(let leaf): return try apply(list, committer: leaf)
        case .newMemberCommit: return try apply(list, joiner: joiner)
        // Section 6.1: others send proposals.
        case .external: throw .refused(.externalContent)
        case .newMemberProposal: throw .refused(.newMemberProposalContent)
        }
    }

    private func apply(_ list: ProposalList, committer: LeafIndex) throws(GroupError) -> ProvisionalGroup {
        guard tree.signatureKey(at: committer) != nil else { throw .refused(.memberSender) }
        try list.checkRegular(committer: committer)
        var provisional = ProvisionalGroup(self, committer: committer, isPathRequired: list.isPathRequired)
        try provisional.apply(list)
        try provisional.checkMembers(extensionsChanged: provisional.parameters != parameters)
        return provisional
    }

    private func apply(_ list: ProposalList, joiner: LeafNode?) throws(GroupError) -> ProvisionalGroup {
        // Section 12.4.3.2: "External Commits MUST contain a path field".
        guard let joiner else { throw .refused(.externalCommitPath) }
        if let removed = try list.checkExternal() { try check(joiner, inPlaceOf: removed) }
        var provisional = ProvisionalGroup(self, committer: nil, isPathRequired: true)
        try provisional.apply(list)
        // "The joiner is added at the leftmost free leaf node".
        return try ProvisionalGroup(placing: joiner, in: provisional)
    }

    /// "If a Remove proposal is present, then the LeafNode in the path field of the external Commit MUST meet the same
    /// criteria as would the LeafNode in an Update for the removed leaf". RFC 9420 section 12.2.
    private func check(_ joiner: LeafNode, inPlaceOf removed: LeafIndex) throws(GroupError) {
        // Section 12.4.3.2: "Applications for whom this distinction is salient can choose to disallow external commits
        // that contain a Remove".
        guard policy.allowsResync else { throw .refused(.externalCommitResync) }

        guard let replaced = tree.leafNode(at: removed) else { throw .refused(.removedLeaf) }
        guard joiner.encryptionKey != replaced.encryptionKey else { throw .refused(.updateKey) }

        // "In particular, the credential in the LeafNode MUST present a set of identifiers that is acceptable to the
        // application for the removed participant."
        guard
            joiner.credential == replaced.credential
                || policy.authenticationService.isValidSuccessor(joiner.credential, of: replaced.credential)
        else { throw .refused(.externalCommitIdentity) }
    }

    /// The next epoch's GroupContext: "Update the confirmed and interim transcript hashes using the new Commit, and
    /// generate the new GroupContext." RFC 9420 section 12.4.2. Whoever has secrets gets the confirmation tag from it.
    /// - Parameters:
    ///   - commit: the Commit, whose confirmation tag need not exist yet.
    ///   - provisional: this group after the Commit's proposals and path.
    public func groupContext(
        after commit: ConfirmedTranscriptHashInput, _ provisional: inout ProvisionalGroup
    ) -> GroupContext {
        var next = provisional.groupContext(for: groupContext)
        next.confirmedTranscriptHash = commit.confirmedTranscriptHash(after: interimTranscriptHash, hashAlgorithm)
        return next
    }

    /// The group of the next epoch, not yet in the place of this one.
    /// - Parameters:
    ///   - next: what `groupContext(after:_:)` gave.
    ///   - confirmationTag: of the Commit; members check it first.
    public func stage(
        _ provisional: ProvisionalGroup, groupContext next: GroupContext, confirmationTag: [UInt8]
    ) -> StagedPublicCommit {
        var group = self
        group.groupContext = next
        group.encodedGroupContext = next.encoded
        group.tree = provisional.tree
        group.parameters = provisional.parameters
        group.members = provisional.members
        group.confirmationTag = confirmationTag
        group.interimTranscriptHash = InterimTranscriptHashInput(confirmationTag: confirmationTag)
            .interimTranscriptHash(after: next.confirmedTranscriptHash, hashAlgorithm)
        group.reInit = provisional.reInit
        group.pending = PendingProposals()
        return StagedPublicCommit(group: group, provisional)
    }

    /// All that can be checked of a Commit without secrets: RFC 9420 section 12.4.2 but for the membership tag, the path
    /// secrets, the PSKs and the confirmation tag.
    public func stage(_ message: AuthenticatedContent) throws(GroupError) -> StagedPublicCommit {
        try verify(message)
        guard case .commit(let commit) = message.content.content, let tag = message.auth.confirmationTag else {
            throw .refused(.commitContent)
        }
        var provisional = try applyProposals(
            commit.proposals, committer: message.content.sender, joiner: commit.path?.leafNode)
        try provisional.mergePath(of: commit)
        let next = groupContext(after: ConfirmedTranscriptHashInput(message), &provisional)
        return stage(provisional, groupContext: next, confirmationTag: tag)
    }

    /// Moves on to the next epoch.
    /// - Precondition: `staged` was made by this group in this epoch.
    public mutating func merge(_ staged: consuming StagedPublicCommit) {
        let next = staged.group
        precondition(
            next.groupContext.groupID == groupContext.groupID && next.groupContext.epoch == groupContext.epoch + 1,
            "a Commit of this group and epoch")
        let policy = self.policy
        self = next
        self.policy = policy
    }
}

extension ProvisionalGroup {
    /// Merges the path of `commit` if it has one; throws if it has to.
    public mutating func mergePath(of commit: Commit) throws(GroupError) {
        if let path = commit.path {
            try mergePath(path)
        } else if isPathRequired {
            throw .refused(isExternal ? .externalCommitPath : .path)
        }
    }
}
