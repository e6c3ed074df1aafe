public import MLSCodec
import MLSCrypto
import TLSPresentation

/// Proposals on their own. RFC 9420 section 12.1.
extension PublicGroup {
    /// The proposals of this epoch, in the order of their arrival.
    public var pendingProposals: [QueuedProposal] { pending.all }

    /// "If the verification is successful, then the Proposal should be cached in such a way that it can be retrieved by
    /// hash (as a ProposalOrRef object) in a later Commit message." RFC 9420 section 12.1.
    ///
    /// Whether a new leaf node fits the group is asked with the Commit, which may change what there is to fit.
    /// - Parameter message: one that `verify` found nothing wrong with.
    /// - Returns: its ProposalRef, also where it is cached already.
    @discardableResult
    public mutating func addProposal(_ message: AuthenticatedContent) throws(GroupError) -> [UInt8] {
        guard case .proposal(let proposal) = message.content.content else { throw .refused(.proposalContent) }
        let ref = try message.proposalRef(suite: groupContext.cipherSuite)
        if pending[ref] != nil { return ref }
        guard pending.all.count < policy.maxPendingProposalCount else { throw .refused(.pendingProposalCount) }

        // Section 12.1.6: "This proposal can only be used in that context", an external Commit.
        if case .externalInit = proposal { throw .refused(.externalInitContext) }

        // Section 12.1.8: "External proposals that are not authorized are considered invalid."
        if message.content.sender == .newMemberProposal, !policy.allowsNewMemberProposals {
            throw .refused(.newMemberProposalAuthorized)
        }

        try validate(proposal, from: message.content.sender)
        pending.append(QueuedProposal(proposal: proposal, sender: message.content.sender, ref: ref))
        return ref
    }

    /// Forgets a cached proposal, if there is one with that ref.
    public mutating func removeProposal(_ ref: [UInt8]) {
        pending = PendingProposals(pending.all.filter { $0.ref != ref })
    }

    /// Checks what RFC 9420 sections 12.1.1 to 12.1.7 say of a proposal by itself.
    /// - Parameter resumption: what the group is just made for by its first Commit, which may then have such a PSK.
    func validate(
        _ proposal: Proposal, from sender: Sender, resumption: ResumptionPSKUsage? = nil
    ) throws(GroupError) {
        switch proposal {
        case .add(let add):
            // "An Add proposal is invalid if the KeyPackage is invalid according to Section 10.1."
            try add.keyPackage.validate(suite: groupContext.cipherSuite, in: .add, policy: policy)
        case .update(let update): try validate(update, from: sender)
        case .remove(let remove):
            // "A Remove proposal is invalid if the removed field does not identify a non-blank leaf node."
            guard tree.signatureKey(at: remove.removed) != nil else { throw .refused(.removedLeaf) }
        case .psk(let proposal): try validate(proposal.psk, resumption: resumption)
        case .reInit(let reInit):
            // "A ReInit proposal is invalid if the version field is less than the version for the current group."
            guard reInit.version.rawValue >= groupContext.version.rawValue else { throw .refused(.reInitVersion) }
            // Section 13.4: "Any field containing a list of extensions MUST NOT have more than one extension of any
            // given type."
            try reInit.extensions.checkTypesAreUnique()
        case .groupContextExtensions(let proposal):
            // Section 13.4, as above. Whether all members support them is asked with the Commit.
            try GroupParameters(proposal.extensions)
                .checkExternalSenders(except: parameters.externalSenders ?? [], with: policy.authenticationService)
        case .externalInit, .selfRemove, .custom: break
        }
    }

    private func validate(_ update: Update, from sender: Sender) throws(GroupError) {
        // An Update "replaces the sender's LeafNode in the tree".
        guard case .member(let leaf) = sender, let replaced = tree.leafNode(at: leaf) else {
            throw .refused(.updateSender)
        }
        // "An Update proposal is invalid if the LeafNode is invalid for an Update proposal according to Section 7.3."
        let place = LeafNodePlace.update(groupID: groupContext.groupID, leaf: leaf, replaced: replaced)
        try update.leafNode.validate(at: place, suite: groupContext.cipherSuite, policy: policy)
    }

    private func validate(_ psk: PreSharedKeyID, resumption: ResumptionPSKUsage?) throws(GroupError) {
        if case .resumption(let usage, _, _) = psk.key {
            // "The PreSharedKey proposal is not being processed as part of a reinitialization of the group, and the
            // PreSharedKeyID has psktype set to resumption and usage set to reinit."
            if usage == .reinit, resumption != .reinit { throw .refused(.pskReInitUsage) }

            // "The PreSharedKey proposal is not being processed as part of a subgroup branching operation, and the
            // PreSharedKeyID has psktype set to resumption and usage set to branch."
            if usage == .branch, resumption != .branch { throw .refused(.pskBranchUsage) }
        }

        // "The psk_nonce is not of length KDF.Nh."
        guard psk.pskNonce.count == hashAlgorithm.byteCount else { throw .refused(.pskNonce) }
    }
}

extension AuthenticatedContent {
    /// The ProposalRef of the proposal that this is. RFC 9420 section 5.2.
    public func proposalRef(suite: CipherSuite) throws(GroupError) -> [UInt8] {
        let bytes = encoded
        do {
            return try MLSCrypto.proposalRef(of: bytes.rawSpan, suite: suite)
        } catch {
            throw .crypto(error)
        }
    }
}
