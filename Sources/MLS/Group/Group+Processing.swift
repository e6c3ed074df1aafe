public import MLSCodec
import MLSCrypto
public import MLSPublicGroup
import TLSPresentation

/// An application message that was decrypted and whose signature holds.
public struct ApplicationMessage: Hashable, Sendable {
    public let data: [UInt8]
    /// What everybody could read and nobody change. RFC 9420 section 6.3.1.
    public let authenticatedData: [UInt8]
    /// The sender's leaf in the message's epoch.
    public let sender: LeafIndex
    public let epoch: UInt64
    /// Which of the sender's application messages of the epoch it is.
    public let generation: UInt32
}

/// What a message from the group was.
@frozen public enum ProcessedMessage: ~Copyable {
    case application(ApplicationMessage)
    /// A proposal, which the next Commit may cover.
    case proposal(QueuedProposal)
    /// Somebody's Commit, for `Group.merge`.
    case commit(StagedCommit)
    /// One's own Commit come back, for `Group.mergePendingCommit`.
    case pendingCommit
}

/// Receiving. RFC 9420 sections 6, 12.1 and 12.4.2.
extension Group {
    /// Checks and decrypts a message of the group.
    ///
    /// The key of a PrivateMessage is deleted where this returns, but for a Commit's, which is when that is merged.
    /// - Parameters:
    ///   - message: an encoded MLSMessage.
    ///   - psks: where the Commit's pre-shared keys are found, but for the group's own.
    /// - Throws: what is wrong with the message; the group is as it was then.
    public mutating func process(
        _ message: [UInt8], psks: some PreSharedKeyStore = NoPreSharedKeys()
    ) throws(GroupError) -> ProcessedMessage {
        if isPendingCommit(message) { return .pendingCommit }
        let decoded: MLSMessage
        do { decoded = try MLSMessage(decoding: message) } catch { throw .malformed(error) }
        switch decoded {
        case .publicMessage(let message): return try process(message, psks: psks)
        case .privateMessage(let message): return try process(message, psks: psks)
        case .welcome, .groupInfo, .keyPackage: throw .refused(.wireFormat)
        }
    }

    private func isPendingCommit(_ message: [UInt8]) -> Bool {
        switch pendingCommit {
        case .some(let pending): pending.message == message
        case .none: false
        }
    }

    private mutating func process(
        _ message: PublicMessage, psks: some PreSharedKeyStore
    ) throws(GroupError) -> ProcessedMessage {
        try checkIsActive()
        let content = message.authenticatedContent
        try publicGroup.verify(content)
        // Section 6.2: "When decoding a PublicMessage into an AuthenticatedContent, the application MUST check
        // membership_tag and MUST check that the FramedContentAuthData is valid."
        try GroupError.framing { () throws(FramingError) in
            try framing.verifyMembershipTag(of: message, membershipKey: secrets.membershipKey, crypto: &crypto)
        }
        return try processHandshake(content, usedGeneration: nil, psks: psks)
    }

    private mutating func process(
        _ message: PrivateMessage, psks: some PreSharedKeyStore
    ) throws(GroupError) -> ProcessedMessage {
        guard message.epoch == epoch else { return .application(try processPast(message)) }
        try checkIsActive()
        let (ownLeaf, suite) = (ownLeaf, suite)
        let opened = try GroupError.framing { () throws(FramingError) in
            try framing.openPrivate(
                message, ownLeaf: ownLeaf, senderDataSecret: secrets.senderDataSecret, tree: secretTree,
                crypto: &crypto
            ) { publicGroup.tree.signatureKey(at: $0).flatMap { signaturePublicKey($0, suite) } }
        }
        guard message.contentType == .application else {
            let generation = opened.generation
            if message.contentType == .commit {
                return try processHandshake(opened.content, usedGeneration: generation, psks: psks)
            }
            let processed = try processHandshake(opened.content, usedGeneration: nil, psks: psks)
            _ = opened.accept(in: &secretTree)
            return processed
        }
        let (sender, generation) = (opened.sender, opened.generation)
        return .application(
            try ApplicationMessage(opened.accept(in: &secretTree), sender: sender, generation: generation))
    }

    /// A message of an epoch that is over: application data only.
    private mutating func processPast(_ message: PrivateMessage) throws(GroupError) -> ApplicationMessage {
        guard message.groupID == groupID else { throw .refused(.groupID) }
        // All keys went when it was removed. A group that was reinitialized still has those of its last epochs.
        if isRemoved { throw .refused(.removedFromGroup) }
        guard message.contentType == .application else {
            throw .refused(message.contentType == .commit ? .commitEpoch : .proposalEpoch)
        }
        guard let position = pastEpochs.firstIndex(where: { $0.framing.epoch == message.epoch }) else {
            throw .refused(.applicationEpoch)
        }
        let past = pastEpochs[position]
        let (ownLeaf, suite) = (ownLeaf, suite)
        let (tree, epochsSince) = (publicGroup.tree, pastEpochs[...position])
        let opened = try GroupError.framing { () throws(FramingError) in
            try past.framing.openPrivate(
                message, ownLeaf: ownLeaf, senderDataSecret: past.senderDataSecret, tree: past.secretTree,
                crypto: &crypto
            ) { epochsSince.signatureKey(at: $0, now: tree).flatMap { signaturePublicKey($0, suite) } }
        }
        let (sender, generation) = (opened.sender, opened.generation)
        return try ApplicationMessage(opened.accept(in: &past.secretTree), sender: sender, generation: generation)
    }

    /// - Parameter content: of which the signature and the membership were verified.
    private mutating func processHandshake(
        _ content: AuthenticatedContent, usedGeneration: UInt32?, psks: some PreSharedKeyStore
    ) throws(GroupError) -> ProcessedMessage {
        switch content.content.content {
        case .application: throw .refused(.applicationInPublic)
        case .proposal(let proposal):
            let ref = try publicGroup.addProposal(content)
            return .proposal(QueuedProposal(proposal: proposal, sender: content.content.sender, ref: ref))
        case .commit(let commit):
            return .commit(try stage(commit, content, usedGeneration: usedGeneration, psks: psks))
        }
    }

    /// Somebody's Commit, checked and with the next epoch's secrets. RFC 9420 section 12.4.2.
    private mutating func stage(
        _ commit: Commit, _ content: AuthenticatedContent, usedGeneration: UInt32?, psks: some PreSharedKeyStore
    ) throws(GroupError) -> StagedCommit {
        guard let tag = content.auth.confirmationTag else { throw .refused(.confirmationTagPresence) }
        // Whoever sent a Commit has its path: only the one that was kept when it was made can be merged.
        if content.content.sender == .member(ownLeaf) { throw .ownMessage }
        var provisional = try publicGroup.applyProposals(
            commit.proposals, committer: content.content.sender, joiner: commit.path?.leafNode)
        let treeBeforePath = provisional.tree
        try provisional.mergePath(of: commit)
        if provisional.removed.contains(ownLeaf) {
            let next = publicGroup.groupContext(after: ConfirmedTranscriptHashInput(content), &provisional)
            return StagedCommit(
                publicCommit: publicGroup.stage(provisional, groupContext: next, confirmationTag: tag), member: nil,
                usedGeneration: usedGeneration)
        }
        var (keys, identity) = keysAfterProposals(treeBeforePath)
        let commitSecret = try implant(commit.path, treeBeforePath, &provisional, &keys)
        keys.keepMatching(provisional.tree)
        let next = publicGroup.groupContext(after: ConfirmedTranscriptHashInput(content), &provisional)
        let epochSecrets = try nextSecrets(
            commitSecret: commitSecret, externalInit: provisional.externalInit, pskIDs: provisional.psks,
            groupContext: next, psks: psks)
        // "Use the confirmation_key for the new epoch to compute the confirmation tag for this message, as described below,
        // and verify that it is the same as the confirmation_tag field in the FramedContentAuthData object."
        let confirmedHash = next.confirmedTranscriptHash
        guard epochSecrets.isConfirmed(by: tag.rawSpan, confirmedTranscriptHash: confirmedHash.rawSpan, crypto: &crypto)
        else { throw .refused(.confirmationTag) }
        return StagedCommit(
            publicCommit: publicGroup.stage(provisional, groupContext: next, confirmationTag: tag),
            member: StagedMember(privateKeys: keys, secrets: epochSecrets, identity: identity),
            usedGeneration: usedGeneration)
    }

    /// One's private keys where the proposals of a Commit, one's own Update maybe among them, were applied to `tree`.
    private func keysAfterProposals(_ tree: GroupTree) -> (TreeKEMPrivateKeys, ClientIdentity) {
        var keys = privateKeys
        var identity = identity
        if let leafKey = tree.encryptionKey(at: NodeIndex(ownLeaf)), let update = pendingUpdates[leafKey] {
            keys.setLeafKey(update.leafKey)
            identity = update.identity
        }
        keys.keepMatching(tree)
        return (keys, identity)
    }

    /// Learns the path secrets that are for this member. RFC 9420 section 7.5.
    /// - Returns: the commit_secret; nil where the Commit has no path.
    private mutating func implant(
        _ path: UpdatePath?, _ tree: GroupTree, _ provisional: inout ProvisionalGroup,
        _ keys: inout TreeKEMPrivateKeys
    ) throws(GroupError) -> PathSecret? {
        guard let path else { return nil }
        let filteredPath = tree.filteredDirectPath(of: provisional.committer)
        let groupContext = provisional.groupContext(for: groupContext).encoded
        let (secret, index) = try keys.decrypt(
            path.nodes, tree: tree, path: filteredPath, excluding: provisional.addedLeaves, groupContext: groupContext,
            crypto: &crypto)
        return try keys.implant(
            secret, along: filteredPath, from: index, publicKey: { path.nodes[$0].encryptionKey },
            mismatch: .pathSecretKeys, crypto: &crypto)
    }

    /// The secrets of the epoch that a Commit begins. RFC 9420 section 8.
    mutating func nextSecrets(
        commitSecret: PathSecret?, externalInit: [UInt8]?, pskIDs: [PreSharedKeyID], groupContext: GroupContext,
        psks: some PreSharedKeyStore
    ) throws(GroupError) -> EpochSecrets {
        let pskSecret = try pskSecret(pskIDs, psks)
        let joiner = try joinerSecret(commitSecret, externalInit: externalInit, groupContext: groupContext)
        let encoded = groupContext.encoded
        return joiner.epochSecrets(psk: pskSecret.bytes, groupContext: encoded.rawSpan, crypto: &crypto)
    }

    mutating func pskSecret(
        _ ids: [PreSharedKeyID], _ psks: some PreSharedKeyStore
    ) throws(GroupError) -> SecretBytes {
        try psks.pskSecret(ids, groupID: groupID, own: ownPSKs(ids), crypto: &crypto)
    }

    /// The resumption PSKs of this group that are among `ids`, by their epochs.
    private func ownPSKs(_ ids: [PreSharedKeyID]) -> [UInt64: SharedSecret] {
        var psks: [UInt64: SharedSecret] = [:]
        for id in ids {
            guard case .resumption(_, groupID, let epoch) = id.key else { continue }
            if let psk = resumptionPSK(epoch: epoch) { psks[epoch] = SharedSecret(copying: psk.bytes) }
        }
        return psks
    }

    mutating func joinerSecret(
        _ commitSecret: PathSecret?, externalInit: [UInt8]?, groupContext: GroupContext
    ) throws(GroupError) -> JoinerSecret {
        let encoded = groupContext.encoded
        let zero = SharedSecret(copying: SecretBytes.zero(byteCount: crypto.hashByteCount).bytes)
        let commitSecret = commitSecret?.secret ?? zero
        guard let externalInit else {
            return secrets.joinerSecret(commitSecret: commitSecret, groupContext: encoded, crypto: &crypto)
        }
        // Section 12.3: "If there is an ExternalInit proposal, use it to derive the init_secret for use later in Commit
        // processing."
        let initSecret: ExternalInitSecret
        do throws(CryptoError) {
            let key = try secrets.externalKeyPair(crypto: &crypto)
            initSecret = try ExternalInitSecret(kemOutput: externalInit, key: key, crypto: &crypto)
        } catch { throw .refused(.externalInit) }
        return JoinerSecret(
            initSecret: initSecret.secret.bytes, commitSecret: commitSecret.bytes, groupContext: encoded.rawSpan,
            crypto: &crypto)
    }
}

extension EpochSecrets {
    /// The joiner_secret of the epoch after this one.
    fileprivate borrowing func joinerSecret(
        commitSecret: SharedSecret, groupContext: [UInt8], crypto: inout CipherSuiteContext
    ) -> JoinerSecret {
        JoinerSecret(
            initSecret: initSecret.bytes, commitSecret: commitSecret.bytes, groupContext: groupContext.rawSpan,
            crypto: &crypto)
    }
}

extension ArraySlice<PastEpoch> {
    /// The signature key that a leaf had in the last one of these epochs, which are the newest ones, newest first.
    fileprivate func signatureKey(at leaf: LeafIndex, now tree: GroupTree) -> [UInt8]? {
        // The first Commit since then that changed the leaf knows what it was before.
        for past in reversed() {
            if let key = past.changedLeaves[leaf] { return key }
        }
        return tree.signatureKey(at: leaf)
    }
}

/// The key, ready for use; nil where the bytes are no key, and so verify nothing.
func signaturePublicKey(_ bytes: [UInt8], _ suite: CipherSuite) -> SignaturePublicKey? {
    guard let scheme = try? suite.signatureScheme else { return nil }
    return try? SignaturePublicKey(bytes.rawSpan, scheme: scheme)
}

extension ApplicationMessage {
    init(_ content: AuthenticatedContent, sender: LeafIndex, generation: UInt32) throws(GroupError) {
        guard case .application(let data) = content.content.content else { throw .refused(.wireFormat) }
        self.init(
            data: data, authenticatedData: content.content.authenticatedData, sender: sender,
            epoch: content.content.epoch, generation: generation)
    }
}
