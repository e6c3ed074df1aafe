public import MLSCodec
import MLSCrypto
public import MLSPublicGroup
import TLSPresentation

/// What joins a group from outside, beyond the joiner itself. RFC 9420 section 12.4.3.2.
public struct ExternalCommitOptions: Sendable {
    /// One's own earlier leaf in the group, which is removed.
    public var replacedLeaf: LeafIndex?
    /// Pre-shared keys that make the others trust the joiner; see `Group.preSharedKeyProposal`.
    public var psks: [PreSharedKeyID.Key] = []
    /// The SelfRemove proposals of the epoch, encoded MLSMessages, which the Delivery Service gives along with the
    /// GroupInfo: an external Commit is to cover them (draft-ietf-mls-extensions).
    public var proposals: [[UInt8]] = []
    /// Of the joiner's leaf node.
    public var leafExtensions: [Extension] = []
    public var authenticatedData: [UInt8] = []
    /// The groups that one is in already, but for one that `replacedLeaf` is of: "New members MUST verify that group_id is
    /// unique among the groups they are currently participating in" (section 12.4.3).
    public var knownGroupIDs: Set<[UInt8]> = []
    /// Whether a GroupInfo of the next epoch is made, by which others can join in turn.
    public var makesGroupInfo = false

    public init() {}
}

/// Joining by a Commit of one's own. RFC 9420 section 12.4.3.2.
extension Group {
    /// The group as it is once the Delivery Service has accepted the Commit. If it does not, this group never was: it is
    /// to be dropped, and another one made from a newer GroupInfo.
    /// - Parameters:
    ///   - groupInfo: an encoded MLSMessage, with an `external_pub` extension.
    ///   - ratchetTree: where the GroupInfo does not have it.
    /// - Returns: the group, and the messages that make others see it too.
    public static func joinExternally(
        _ groupInfo: [UInt8], ratchetTree: RatchetTree? = nil, identity: ClientIdentity,
        options: ExternalCommitOptions = ExternalCommitOptions(), psks: some PreSharedKeyStore = NoPreSharedKeys(),
        configuration: GroupConfiguration
    ) throws(GroupError) -> NewGroup {
        let groupInfo = try GroupInfo(message: groupInfo)
        // "New members MUST verify that group_id is unique among the groups they are currently participating in."
        guard !options.knownGroupIDs.contains(groupInfo.groupContext.groupID) else { throw .refused(.groupIDUnique) }
        var group = try PublicGroup(groupInfo: groupInfo, ratchetTree: ratchetTree, policy: configuration.policy)
        let suite = group.groupContext.cipherSuite
        var crypto = try GroupError.crypto { () throws(CryptoError) in
            try CipherSuiteContext(suite, randomSource: configuration.randomSource)
        }
        // "a new member needs a GroupInfo with an external_pub extension present in its extensions field."
        let initSecret = try groupInfo.externalInit(crypto: &crypto)
        let ids = options.psks.map { PreSharedKeyID($0, pskNonce: crypto.randomBytes(crypto.hashByteCount)) }
        var proposals = try group.add(options.proposals)
        proposals.append(.proposal(.externalInit(ExternalInit(kemOutput: initSecret.kemOutput))))
        if let leaf = options.replacedLeaf { proposals.append(.proposal(.remove(Remove(removed: leaf)))) }
        proposals += ids.map { .proposal(.psk(PreSharedKey(psk: $0))) }

        var joiner = ExternalJoiner(identity: identity, options: options, configuration: configuration)
        let (commit, keys, provisional) = try joiner.makeCommit(proposals, group, crypto: &crypto)
        var next = provisional
        var content = try joiner.sign(commit, group)
        let context = group.groupContext(after: ConfirmedTranscriptHashInput(content), &next)
        let encoded = context.encoded
        let pskSecret = try psks.pskSecret(ids, groupID: [], own: [:], crypto: &crypto)
        let commitSecret = keys.commitSecret.secret
        let joinerSecret = JoinerSecret(
            initSecret: initSecret.secret.bytes, commitSecret: commitSecret.bytes, groupContext: encoded.rawSpan,
            crypto: &crypto)
        let secrets = joinerSecret.epochSecrets(psk: pskSecret.bytes, groupContext: encoded.rawSpan, crypto: &crypto)
        let confirmedHash = context.confirmedTranscriptHash
        let tag = secrets.confirmationTag(confirmedTranscriptHash: confirmedHash.rawSpan, crypto: &crypto)
        content.auth.confirmationTag = tag
        let publicCommit = group.stage(next, groupContext: context, confirmationTag: tag)
        var privateKeys = TreeKEMPrivateKeys(leaf: next.committer, leafKey: keys.leafKey)
        for (step, key) in zip(keys.path, keys.keys) { privateKeys.setParentKey(key, of: step.node) }
        crypto.forget()
        var joined = Group(
            publicCommit.group, identity: identity, configuration: configuration, privateKeys: privateKeys,
            secrets: secrets, crypto: crypto)
        let message = MLSMessage.publicMessage(PublicMessage(content: content.content, auth: content.auth)).encoded
        let nextInfo = options.makesGroupInfo ? try joined.groupInfo() : nil
        return NewGroup(
            group: joined,
            messages: CommitMessages(commit: message, welcome: nil, groupInfo: nextInfo, ratchetTree: nil))
    }
}

/// A group that one's own Commit begins or joins, and what makes others see it.
@frozen public struct NewGroup: ~Copyable {
    public var group: Group
    public let messages: CommitMessages
}

/// Who makes an external Commit.
private struct ExternalJoiner {
    let identity: ClientIdentity
    let options: ExternalCommitOptions
    let configuration: GroupConfiguration

    mutating func makeCommit(
        _ proposals: [ProposalOrRef], _ group: PublicGroup, crypto: inout CipherSuiteContext
    ) throws(GroupError) -> (Commit, NewPath, ProvisionalGroup) {
        let leafKey = try GroupError.crypto { () throws(CryptoError) in try crypto.generateKeyPair() }
        let groupID = group.groupContext.groupID
        let capabilities = configuration.capabilities(
            credential: identity.credential, extensions: options.leafExtensions, crypto: crypto)
        let extensions = options.leafExtensions + configuration.greaseExtension(listed: capabilities.extensions)
        func leafNode(_ parentHash: [UInt8], at leaf: LeafIndex) throws(GroupError) -> LeafNode {
            try LeafNode(
                signing: .commit(parentHash: parentHash), encryptionKey: leafKey.publicKeyBytes, identity: identity,
                capabilities: capabilities, extensions: extensions, groupID: groupID, leaf: leaf)
        }
        // Where the joiner will be is known once the proposals are applied.
        var provisional = try group.applyProposals(
            proposals, committer: .newMemberCommit, joiner: leafNode([], at: LeafIndex(0)))
        let committer = provisional.committer
        let keys: NewPath
        do throws(CryptoError) {
            keys = try NewPath(
                provisional.tree.filteredDirectPath(of: committer), leafKey: leafKey, crypto: &crypto)
        } catch { throw .crypto(error) }
        let parentHash = provisional.tree.mergePath(keys.publicKeys, from: committer)
        let ownLeaf = try leafNode(parentHash, at: committer)
        try provisional.setOwnLeafNode(ownLeaf, parentHash: parentHash)
        let context = provisional.groupContext(for: group.groupContext).encoded
        do throws(CryptoError) {
            let nodes = try keys.encrypted(
                tree: provisional.tree, excluding: [], groupContext: context, crypto: &crypto)
            return (
                Commit(proposals: proposals, path: UpdatePath(leafNode: ownLeaf, nodes: nodes)), keys, provisional
            )
        } catch { throw .crypto(error) }
    }

    func sign(_ commit: Commit, _ group: PublicGroup) throws(GroupError) -> AuthenticatedContent {
        let context = FramingContext(
            groupID: group.groupContext.groupID, epoch: group.groupContext.epoch,
            groupContext: group.encodedGroupContext)
        let content = FramedContent(
            groupID: context.groupID, epoch: context.epoch, sender: .newMemberCommit,
            authenticatedData: options.authenticatedData, content: .commit(commit))
        return try GroupError.framing { () throws(FramingError) in
            try AuthenticatedContent(
                signing: content, wireFormat: .mlsPublicMessage, context: context, key: identity.signingKey)
        }
    }
}

extension GroupInfo {
    /// The GroupInfo in an encoded MLSMessage.
    fileprivate init(message: [UInt8]) throws(GroupError) {
        let decoded: MLSMessage
        do { decoded = try MLSMessage(decoding: message) } catch { throw .malformed(error) }
        guard case .groupInfo(let groupInfo) = decoded else { throw .refused(.wireFormat) }
        self = groupInfo
    }

    /// A new init secret, shared with the members. RFC 9420 section 8.3.
    fileprivate func externalInit(crypto: inout CipherSuiteContext) throws(GroupError) -> ExternalInitSecret {
        let body: ExternalPub?
        do { body = try extensions.first(ExternalPub.self) } catch { throw .malformed(error) }
        guard let key = body?.externalPub else { throw .refused(.externalPub) }
        do throws(CryptoError) {
            return try ExternalInitSecret(to: HPKEPublicKey(key.rawSpan, kem: crypto.kem), crypto: &crypto)
        } catch { throw .refused(.externalPub) }
    }
}

extension PublicGroup {
    /// Caches the proposals of encoded PublicMessages.
    /// - Returns: references to them.
    fileprivate mutating func add(_ messages: [[UInt8]]) throws(GroupError) -> [ProposalOrRef] {
        var references: [ProposalOrRef] = []
        for message in messages {
            let decoded: MLSMessage
            do { decoded = try MLSMessage(decoding: message) } catch { throw .malformed(error) }
            guard case .publicMessage(let message) = decoded else { throw .refused(.wireFormat) }
            guard case .proposal(let ref) = try process(message) else { throw .refused(.proposalContent) }
            references.append(.reference(ref))
        }
        return references
    }
}
