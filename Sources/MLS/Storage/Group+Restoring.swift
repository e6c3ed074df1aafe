import MLSCodec
import MLSCrypto
public import MLSPublicGroup
import TLSPresentation

extension Group {
    /// The group that `save` wrote: all records that there are of it.
    ///
    /// Everything was checked when it came to be; here the tree has to have the GroupContext's hash, and each record the
    /// form that it was written in.
    /// - Throws: `malformed` for a record that is damaged, missing, or of another version.
    public init(restoring records: [GroupStateRecord], configuration: GroupConfiguration) throws(GroupError) {
        let parts = try SavedParts(records)
        let core = try parts.core(configuration)
        try self.init(core, parts, configuration)
    }

    private init(
        _ core: consuming SavedCore, _ parts: SavedParts, _ configuration: GroupConfiguration
    ) throws(GroupError) {
        var crypto = try GroupError.crypto { () throws(CryptoError) in
            try CipherSuiteContext(
                core.publicGroup.groupContext.cipherSuite, randomSource: configuration.randomSource)
        }
        let epoch = core.publicGroup.groupContext.epoch
        let tree = try parts.secretTree(
            of: epoch, leafCount: core.publicGroup.tree.leafCount, limits: configuration.messageKeyLimits, &crypto)
        let pastEpochs = try parts.pastEpochs(core.publicGroup.groupContext.groupID, configuration, &crypto)
        let pending = try parts.pendingCommit(core.publicGroup, &crypto)
        guard parts.psks.values.allSatisfy({ $0.byteCount == crypto.hashByteCount }) else {
            throw .malformed(DecodingError(.invalidField("resumption_psk"), at: 0))
        }
        crypto.forget()
        publicGroup = core.publicGroup
        identity = core.identity
        self.configuration = configuration
        privateKeys = core.privateKeys
        secrets = core.secrets
        secretTree = tree
        self.crypto = crypto
        self.pastEpochs = pastEpochs
        resumptionPSKs = parts.psks.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        pendingUpdates = core.pendingUpdates
        pendingCommit = pending
        isRemoved = core.isRemoved
        saved = SavedState(
            tree: publicGroup.tree, isGroupSaved: true, isPendingCommitSaved: true,
            proposals: publicGroup.pendingProposals, pastEpochs: Set(pastEpochs.map(\.framing.epoch)),
            resumptionPSKs: Set(parts.psks.keys))
    }
}

/// What the record of the group itself holds, with its tree.
private struct SavedCore: ~Copyable {
    let publicGroup: PublicGroup
    let isRemoved: Bool
    let privateKeys: TreeKEMPrivateKeys
    let identity: ClientIdentity
    let secrets: EpochSecrets
    let pendingUpdates: [[UInt8]: PendingUpdate]
}

/// The records of a group by what they are.
private struct SavedParts {
    var group: SharedSecret?
    var nodes: [NodeIndex: SharedSecret] = [:]
    var secretTrees: [UInt64: [SecretTreeRecord: SharedSecret]] = [:]
    var pastEpochs: [UInt64: SharedSecret] = [:]
    var psks: [UInt64: SharedSecret] = [:]
    var pendingCommit: SharedSecret?
    var proposals: [UInt32: SharedSecret] = [:]

    init(_ records: [GroupStateRecord]) throws(GroupError) {
        for record in records {
            guard let value = record.value else { continue }
            let key = try GroupError.decoding { () throws(DecodingError) in
                try GroupStateKey(decoding: record.key)
            }
            switch key {
            case .group: group = value
            case .treeNode(let node): nodes[node] = value
            case .secretTree(let epoch, let record): secretTrees[epoch, default: [:]][record] = value
            case .pastEpoch(let epoch): pastEpochs[epoch] = value
            case .resumptionPSK(let epoch): psks[epoch] = value
            case .pendingCommit: pendingCommit = value
            case .proposal(let position): proposals[position] = value
            }
        }
    }

    func core(_ configuration: GroupConfiguration) throws(GroupError) -> SavedCore {
        guard let group else { throw .malformed(DecodingError(.truncated, at: 0)) }
        var reader = Reader(group.bytes)
        do throws(DecodingError) {
            let start = reader.byteOffset
            let version = try reader.uint16()
            guard version == Group.savedVersion else {
                throw DecodingError(.unknownValue(type: "SavedGroup", value: UInt64(version)), at: start)
            }
            guard let leafCount = LeafCount(saved: try reader.uint32()) else {
                throw reader.error(.invalidField("leaf_count"))
            }
            let isRemoved = try reader.isPresent()
            var stored = try StoredPublicGroup(from: &reader)
            let suite = stored.groupContext.cipherSuite
            guard let kem = try? suite.kem, let scheme = try? suite.signatureScheme, let hash = try? suite.hashAlgorithm
            else { throw reader.error(.invalidField("cipher_suite")) }
            let privateKeys = try TreeKEMPrivateKeys(saved: &reader, kem: kem)
            let identity = try ClientIdentity(saved: &reader, scheme: scheme)
            let secretBytes = try reader.opaqueSpan()
            let secrets = try EpochSecrets(saved: secretBytes, hash: hash)
            var updates: [[UInt8]: PendingUpdate] = [:]
            for _ in 0..<(try reader.uint32()) {
                let key = try HPKEPrivateKey.restoreHalves(from: &reader, kem: kem)
                let update = PendingUpdate(
                    leafKey: key, identity: try ClientIdentity(saved: &reader, scheme: scheme))
                updates[key.publicKeyBytes] = update
            }
            try reader.expectEnd()
            stored.pendingProposals = try savedProposals()
            let publicGroup = try publicGroup(stored, leafCount, configuration.policy)
            guard publicGroup.tree.leafNode(at: privateKeys.leaf) != nil || isRemoved else {
                throw DecodingError(.invalidField("leaf_index"), at: 0)
            }
            return SavedCore(
                publicGroup: publicGroup, isRemoved: isRemoved, privateKeys: privateKeys, identity: identity,
                secrets: secrets, pendingUpdates: updates)
        } catch { throw .malformed(error) }
    }

    private func savedProposals() throws(DecodingError) -> [QueuedProposal] {
        var all: [QueuedProposal] = []
        for position in proposals.keys.sorted() {
            guard position == all.count, let value = proposals[position] else {
                throw DecodingError(.invalidField("proposal"), at: 0)
            }
            all.append(try QueuedProposal(decoding: value.bytes))
        }
        return all
    }

    private func publicGroup(
        _ stored: StoredPublicGroup, _ leafCount: LeafCount, _ policy: ValidationPolicy
    ) throws(DecodingError) -> PublicGroup {
        var tree = [Node?](repeating: nil, count: Int(leafCount.nodeCount.rawValue))
        for (node, value) in nodes {
            guard leafCount.nodeCount.contains(node) else { throw DecodingError(.invalidField("node_index"), at: 0) }
            tree[Int(node.rawValue)] =
                node.isLeaf
                ? .leaf(try LeafNode(decoding: value.bytes)) : .parent(try ParentNode(decoding: value.bytes))
        }
        while let last = tree.last, last == nil { tree.removeLast() }
        do throws(GroupError) {
            let groupTree = try GroupTree(RatchetTree(nodes: tree), suite: stored.groupContext.cipherSuite)
            guard groupTree.leafCount == leafCount else { throw .refused(.ratchetTreeSize) }
            return try PublicGroup(stored, tree: groupTree, policy: policy)
        } catch {
            if case .malformed(let error) = error { throw error }
            throw DecodingError(.invalidField("tree"), at: 0)
        }
    }

    func secretTree(
        of epoch: UInt64, leafCount: LeafCount, limits: SecretTreeLimits, _ crypto: inout CipherSuiteContext
    ) throws(GroupError) -> SecretTree {
        var tree = SecretTree(restoring: leafCount, limits: limits)
        try restore(&tree, of: epoch, crypto)
        return tree
    }

    private func restore(
        _ tree: inout SecretTree, of epoch: UInt64, _ crypto: borrowing CipherSuiteContext
    ) throws(GroupError) {
        do throws(DecodingError) {
            for (record, value) in secretTrees[epoch] ?? [:] {
                try tree.restore(record, from: value.bytes, crypto: crypto)
            }
            guard tree.isWhole else { throw DecodingError(.invalidField("secret_tree"), at: 0) }
        } catch { throw .malformed(error) }
    }

    func pastEpochs(
        _ groupID: [UInt8], _ configuration: GroupConfiguration, _ crypto: inout CipherSuiteContext
    ) throws(GroupError) -> [PastEpoch] {
        var epochs: [PastEpoch] = []
        for (epoch, value) in pastEpochs.sorted(by: { $0.key > $1.key }) {
            let past: PastEpoch
            do throws(DecodingError) {
                past = try PastEpoch(
                    saved: value.bytes, groupID: groupID, epoch: epoch, limits: configuration.messageKeyLimits,
                    secretByteCount: crypto.hashByteCount)
            } catch { throw .malformed(error) }
            try restore(&past.secretTree, of: epoch, crypto)
            epochs.append(past)
        }
        return epochs
    }

    /// One's own Commit, made again from what was signed. It was checked when it was made: what has expired since does
    /// not matter.
    func pendingCommit(
        _ group: PublicGroup, _ crypto: inout CipherSuiteContext
    ) throws(GroupError) -> PendingCommit? {
        guard let pendingCommit else { return nil }
        var reader = Reader(pendingCommit.bytes)
        let content: AuthenticatedContent
        let message: [UInt8]
        let member: StagedMember
        do throws(DecodingError) {
            content = try AuthenticatedContent(from: &reader)
            message = try reader.opaque()
            guard let scheme = try? group.groupContext.cipherSuite.signatureScheme else {
                throw reader.error(.invalidField("cipher_suite"))
            }
            let privateKeys = try TreeKEMPrivateKeys(saved: &reader, kem: crypto.kem)
            let identity = try ClientIdentity(saved: &reader, scheme: scheme)
            let secretBytes = try reader.opaqueSpan()
            let secrets = try EpochSecrets(saved: secretBytes, hash: crypto.hashAlgorithm)
            try reader.expectEnd()
            member = StagedMember(privateKeys: privateKeys, secrets: secrets, identity: identity)
        } catch { throw .malformed(error) }
        var group = group
        group.policy.clock = nil
        guard case .commit(let commit) = content.content.content, let tag = content.auth.confirmationTag else {
            throw .malformed(DecodingError(.invalidField("content"), at: 0))
        }
        var provisional = try group.applyProposals(commit.proposals, committer: content.content.sender)
        try provisional.mergePath(of: commit)
        let next = group.groupContext(after: ConfirmedTranscriptHashInput(content), &provisional)
        let staged = StagedCommit(
            publicCommit: group.stage(provisional, groupContext: next, confirmationTag: tag), member: member,
            usedGeneration: nil)
        return PendingCommit(staged: staged, content: content, message: message)
    }
}

extension GroupError {
    static func decoding<Result: ~Copyable>(
        _ body: () throws(DecodingError) -> Result
    ) throws(GroupError) -> Result {
        do throws(DecodingError) { return try body() } catch { throw .malformed(error) }
    }
}
