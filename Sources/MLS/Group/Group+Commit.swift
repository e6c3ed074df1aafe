import MLSCodec
import MLSCrypto
public import MLSPublicGroup
import TLSPresentation

/// Making a Commit. RFC 9420 section 12.4.1.
extension Group {
    /// Makes a Commit. It waits until the Delivery Service has accepted it and `mergePendingCommit` takes it; until then
    /// the group is in its old epoch, and somebody else's Commit may win. One that waited before is forgotten.
    ///
    /// Cost: an encryption for each node of the resolutions along one's direct path, and one for each joiner.
    /// - Parameter psks: where the pre-shared keys of its proposals are found, but for the group's own.
    /// - Throws: what keeps the proposals from being committed; the group is as it was then.
    public mutating func commit(
        _ options: CommitOptions = CommitOptions(), psks: some PreSharedKeyStore = NoPreSharedKeys()
    ) throws(GroupError) -> CommitMessages {
        try commit(options, resumption: nil, psks: psks)
    }

    /// - Parameter resumption: what this group was just made for, where this is its first Commit.
    mutating func commit(
        _ options: CommitOptions, resumption: ResumptionPSKUsage?, psks: some PreSharedKeyStore
    ) throws(GroupError) -> CommitMessages {
        try checkIsActive()
        let references =
            options.references ?? committableProposals.filter { isAvailable($0, psks) }.compactMap(\.ref)
        let proposals =
            references.map { ProposalOrRef.reference($0) } + options.proposals.map { ProposalOrRef.proposal($0) }
        var provisional = try publicGroup.applyProposals(
            proposals, committer: .member(ownLeaf), resumption: resumption)
        let isPathWanted =
            options.forcesPath || options.identity != nil || options.leafExtensions != nil || proposals.isEmpty
        let path = try provisional.isPathRequired || isPathWanted ? makePath(options, &provisional) : nil
        let commit = Commit(proposals: proposals, path: path?.updatePath)
        let identity = path?.identity ?? identity
        var content = try sign(.commit(commit), options.authenticatedData, options.framing)
        let next = publicGroup.groupContext(after: ConfirmedTranscriptHashInput(content), &provisional)
        let encoded = next.encoded
        let pskSecret = try pskSecret(provisional.psks, psks)
        let joiner = try joinerSecret(path?.keys.commitSecret, externalInit: nil, groupContext: next)
        let epochSecrets = joiner.epochSecrets(psk: pskSecret.bytes, groupContext: encoded.rawSpan, crypto: &crypto)
        let confirmedHash = next.confirmedTranscriptHash
        let tag = epochSecrets.confirmationTag(confirmedTranscriptHash: confirmedHash.rawSpan, crypto: &crypto)
        content.auth.confirmationTag = tag
        let publicCommit = publicGroup.stage(provisional, groupContext: next, confirmationTag: tag)
        // From here on the next epoch's members are told of it.
        let infoExtensions = configuration.withGREASE(options.groupInfoExtensions, crypto)
        var welcome: [UInt8]?
        if !provisional.added.isEmpty {
            let info = try publicCommit.group.signedGroupInfo(
                extensions: infoExtensions, hasTree: options.hasTreeInWelcome, signer: ownLeaf,
                identity: identity)
            welcome = try self.welcome(
                provisional.added, info, joiner, psk: pskSecret, pskIDs: provisional.psks, path: path?.keys)
        }
        var groupInfo: [UInt8]?
        if options.makesGroupInfo {
            let externalKey = try GroupError.crypto { () throws(CryptoError) in
                try epochSecrets.externalKeyPair(crypto: &crypto)
            }
            groupInfo =
                MLSMessage.groupInfo(
                    try publicCommit.group.signedGroupInfo(
                        extensions: infoExtensions, externalPub: externalKey.publicKeyBytes,
                        hasTree: options.hasTreeInGroupInfo, signer: ownLeaf, identity: identity)
                ).encoded
        }
        let message = try protect(content)
        let staged = StagedCommit(
            publicCommit: publicCommit,
            member: StagedMember(
                privateKeys: privateKeys(after: provisional, path?.keys), secrets: epochSecrets, identity: identity),
            usedGeneration: nil)
        pendingCommit = PendingCommit(staged: staged, content: content, message: message)
        crypto.forget()
        let isTreeApart =
            welcome != nil && !options.hasTreeInWelcome || groupInfo != nil && !options.hasTreeInGroupInfo
        return CommitMessages(
            commit: message, welcome: welcome, groupInfo: groupInfo,
            ratchetTree: isTreeApart ? publicCommit.group.ratchetTree : nil)
    }

    private func privateKeys(after provisional: ProvisionalGroup, _ path: NewPath?) -> TreeKEMPrivateKeys {
        var keys = privateKeys
        if let path {
            keys.setLeafKey(path.leafKey)
            for (step, key) in zip(path.path, path.keys) { keys.setParentKey(key, of: step.node) }
        }
        keys.keepMatching(provisional.tree)
        return keys
    }

    /// New keys from one's leaf to the root, in the tree of `provisional`, and encrypted to those below.
    private mutating func makePath(
        _ options: CommitOptions, _ provisional: inout ProvisionalGroup
    ) throws(GroupError) -> MadePath {
        guard let leafNode = provisional.tree.leafNode(at: ownLeaf) else { preconditionFailure("a member has a leaf") }
        let identity = options.identity ?? identity
        let keys: NewPath
        do throws(CryptoError) {
            keys = try NewPath(
                provisional.tree.filteredDirectPath(of: ownLeaf), leafKey: crypto.generateKeyPair(), crypto: &crypto)
        } catch { throw .crypto(error) }
        let parentHash = provisional.tree.mergePath(keys.publicKeys, from: ownLeaf)
        let newLeaf = try LeafNode(
            renewing: leafNode, .commit(parentHash: parentHash), encryptionKey: keys.leafKey.publicKeyBytes,
            identity: identity, extensions: options.leafExtensions, groupID: groupID, leaf: ownLeaf,
            configuration: configuration)
        try provisional.setOwnLeafNode(newLeaf, parentHash: parentHash)
        let groupContext = provisional.groupContext(for: groupContext).encoded
        let nodes: [UpdatePathNode]
        do throws(CryptoError) {
            nodes = try keys.encrypted(
                tree: provisional.tree, excluding: provisional.addedLeaves, groupContext: groupContext,
                threadCount: configuration.encryptionThreadCount, crypto: &crypto)
        } catch { throw .crypto(error) }
        return MadePath(keys: keys, updatePath: UpdatePath(leafNode: newLeaf, nodes: nodes), identity: identity)
    }

    private struct MadePath {
        let keys: NewPath
        let updatePath: UpdatePath
        let identity: ClientIdentity
    }

    /// The Welcome for those who join. RFC 9420 section 12.4.3.1.
    private mutating func welcome(
        _ added: [(leafIndex: LeafIndex, keyPackage: KeyPackage)], _ groupInfo: GroupInfo,
        _ joiner: borrowing JoinerSecret, psk: borrowing SecretBytes, pskIDs: [PreSharedKeyID], path: NewPath?
    ) throws(GroupError) -> [UInt8] {
        let encodedInfo = groupInfo.encoded
        let welcomeSecret = joiner.welcomeSecret(psk: psk.bytes, crypto: &crypto)
        let encryptedGroupInfo = welcomeSecret.seal(groupInfo: encodedInfo.rawSpan, crypto: &crypto)
        let context = JoinerSecrets.encryptContext(encryptedGroupInfo.rawSpan, crypto: &crypto)
        let none = SharedSecret(copying: RawSpan())
        let recipients = added.map { leaf, keyPackage in
            let pathSecret = path?.secret(for: leaf)?.secret ?? none
            return (keyPackage, JoinerSecrets.groupSecrets(joiner, pathSecret: pathSecret.bytes, psks: pskIDs))
        }
        let suite = suite
        let secrets: [EncryptedGroupSecrets]
        do throws(CryptoError) {
            secrets = try crypto.concurrentMap(
                count: recipients.count, threadCount: configuration.encryptionThreadCount
            ) { (number, crypto) throws(CryptoError) in
                let (keyPackage, groupSecrets) = recipients[number]
                let (encoded, initKeyBytes) = (keyPackage.encoded, keyPackage.initKey)
                let initKey = try HPKEPublicKey(initKeyBytes.rawSpan, kem: crypto.kem)
                return EncryptedGroupSecrets(
                    newMember: try keyPackageRef(of: encoded.rawSpan, suite: suite),
                    encryptedGroupSecrets: try crypto.encrypt(groupSecrets.bytes, to: initKey, in: context))
            }
        } catch { throw .crypto(error) }
        return MLSMessage.welcome(
            Welcome(cipherSuite: suite, secrets: secrets, encryptedGroupInfo: encryptedGroupInfo)
        ).encoded
    }

    /// The pending proposals that this member can commit together: not its own Updates, no Remove of itself, of several
    /// about the same leaf the one that removes or else the newest, of others that exclude each other the newest; where
    /// there is a ReInit, that alone. RFC 9420 section 12.2. What fits neither the group nor the others is left out, or
    /// whoever proposes it could keep all from committing.
    public var committableProposals: [QueuedProposal] {
        var chosen: [QueuedProposal] = []
        var leaves: Set<LeafIndex> = [ownLeaf]
        var isExtensionsChosen = false
        var psks: Set<PreSharedKeyID> = []
        var signatureKeys: Set<[UInt8]> = []
        let newestFirst = publicGroup.pendingProposals.reversed()
        if let reInit = newestFirst.first(where: { $0.proposal.proposalType == .reInit }) { return [reInit] }
        // Who goes cannot be updated, whichever came first.
        for queued in newestFirst.filter(\.removes) + newestFirst.filter({ !$0.removes }) {
            let isChosen: Bool
            switch (queued.proposal, queued.sender) {
            case (.remove(let remove), _): isChosen = leaves.insert(remove.removed).inserted
            case (.update, .member(let leaf)), (.selfRemove, .member(let leaf)):
                isChosen = leaves.insert(leaf).inserted
            case (.add(let add), _):
                isChosen = signatureKeys.insert(add.keyPackage.leafNode.signatureKey).inserted
            case (.psk(let psk), _): isChosen = psks.insert(psk.psk).inserted
            case (.groupContextExtensions, _):
                isChosen = !isExtensionsChosen
                isExtensionsChosen = true
            case (.custom, _): isChosen = true
            case (.reInit, _), (.externalInit, _), (.update, _), (.selfRemove, _): isChosen = false
            }
            if isChosen { chosen.append(queued) }
        }
        return fitting(chosen).reversed()
    }

    /// Those of `proposals` that the group can take together: each is left out that does not go with those before it.
    ///
    /// Cost: for each that is left out the proposals are applied once for each time that their number can be halved.
    private func fitting(_ proposals: [QueuedProposal]) -> [QueuedProposal] {
        var fitting: [QueuedProposal] = []
        func add(_ part: ArraySlice<QueuedProposal>) {
            if canApply(fitting + part) {
                fitting += part
            } else if part.count > 1 {
                let middle = part.startIndex + part.count / 2
                add(part[..<middle])
                add(part[middle...])
            }
        }
        add(proposals[...])
        return fitting
    }

    private func canApply(_ proposals: [QueuedProposal]) -> Bool {
        let references = proposals.compactMap { $0.ref.map(ProposalOrRef.reference) }
        if references.isEmpty { return true }
        // Which rule is in the way makes no difference.
        guard let provisional = try? publicGroup.applyProposals(references, committer: .member(ownLeaf)),
            let leafNode = provisional.tree.leafNode(at: ownLeaf)
        else { return false }
        // The one of the path will have the same capabilities.
        return provisional.supports(leafNode)
    }

    /// Whether a proposal is no PSK, or one that this member has.
    private func isAvailable(_ queued: QueuedProposal, _ psks: some PreSharedKeyStore) -> Bool {
        guard case .psk(let proposal) = queued.proposal else { return true }
        let psk: SecretBytes?
        switch proposal.psk.key {
        case .external(let id): psk = psks.externalPSK(id)
        case .resumption(_, groupID, let epoch): psk = resumptionPSK(epoch: epoch)
        case .resumption(_, let other, let epoch): psk = psks.resumptionPSK(groupID: other, epoch: epoch)
        }
        switch psk {
        case .some: return true
        case .none: return false
        }
    }
}

extension QueuedProposal {
    /// Whether it takes somebody out of the group.
    fileprivate var removes: Bool { proposal.proposalType == .remove || proposal.proposalType == .selfRemove }
}

extension LeafNode {
    /// The leaf node that takes the place of `replaced`, one's own.
    init(
        renewing replaced: LeafNode, _ source: Source, encryptionKey: [UInt8], identity: ClientIdentity,
        extensions: [Extension]?, groupID: [UInt8], leaf: LeafIndex, configuration: GroupConfiguration
    ) throws(GroupError) {
        let extensions = extensions ?? replaced.extensions
        var capabilities = configuration.extended(replaced.capabilities)
        // Section 7.2: extensions of a leaf node are listed in its capabilities, and so is its credential's type.
        for type in extensions.map(\.extensionType) where !type.isDefault && !capabilities.extensions.contains(type) {
            capabilities.extensions.append(type)
        }
        if !capabilities.credentials.contains(identity.credential.credentialType) {
            capabilities.credentials.append(identity.credential.credentialType)
        }
        try self.init(
            signing: source, encryptionKey: encryptionKey, identity: identity, capabilities: capabilities,
            extensions: extensions, groupID: groupID, leaf: leaf)
    }
}
