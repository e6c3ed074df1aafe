import MLSCodec
import MLSCrypto
public import MLSPublicGroup

/// Moving on to the next epoch. RFC 9420 section 14.
extension Group {
    /// Takes a Commit that `process` staged: the group is in its epoch then, and what the old one leaves is erased but
    /// for what its late messages need. Where the Commit removes this member, all secrets are erased.
    ///
    /// A Commit of one's own that waited is forgotten: it has lost.
    /// - Precondition: the Commit was staged by this group in this epoch.
    public mutating func merge(_ staged: consuming StagedCommit) {
        let publicCommit = staged.publicCommit
        if let generation = staged.usedGeneration { consumeHandshakeKey(of: publicCommit.committer, generation) }
        let changedLeaves = signatureKeys(changedBy: publicCommit)
        discardPendingCommit()
        pendingUpdates = [:]
        guard let member = staged.member.take() else { return leave() }
        let framing = framing
        publicGroup.merge(publicCommit)
        privateKeys = member.privateKeys
        identity = member.identity
        let ended = begin(member.secrets)
        keep(ended, framing, changedLeaves)
        crypto.forget()
    }

    /// Takes one's own Commit, which the Delivery Service has accepted.
    /// - Returns: what it did; nil where there is none.
    @discardableResult
    public mutating func mergePendingCommit() -> StagedPublicCommit? {
        guard let pending = pendingCommit.take() else { return nil }
        let staged = pending.staged
        let publicCommit = staged.copyOfPublicCommit()
        merge(staged)
        return publicCommit
    }

    /// Forgets one's own Commit, which was not accepted.
    public mutating func discardPendingCommit() { pendingCommit = nil }

    /// Puts the new epoch's secrets in the place of the old one's.
    private mutating func begin(_ newSecrets: consuming EpochSecrets) -> EndedSecrets {
        guard let encryptionSecret = newSecrets.takeEncryptionSecret() else {
            preconditionFailure("secrets of an epoch that begins")
        }
        let newTree = SecretTree(
            encryptionSecret: encryptionSecret, leafCount: publicGroup.tree.leafCount,
            limits: configuration.messageKeyLimits)
        let endedTree = exchange(&secretTree, with: newTree)
        let endedSecrets = exchange(&secrets, with: newSecrets)
        saved.isGroupSaved = false
        return EndedSecrets(secrets: endedSecrets.past(), tree: endedTree)
    }

    private mutating func keep(
        _ ended: consuming EndedSecrets, _ framing: FramingContext, _ changedLeaves: [LeafIndex: [UInt8]?]
    ) {
        if configuration.maxResumptionPSKCount > 0 {
            resumptionPSKs.append((framing.epoch, SharedSecret(copying: ended.secrets.resumptionPSK.bytes)))
        }
        resumptionPSKs.removeFirst(max(0, resumptionPSKs.count - configuration.maxResumptionPSKCount))
        pastEpochs.insert(
            PastEpoch(
                framing: framing, senderDataSecret: ended.secrets.senderDataSecret, secretTree: ended.tree,
                changedLeaves: changedLeaves), at: 0)
        while pastEpochs.count > configuration.maxPastEpochCount { saved.delete(pastEpochs.removeLast()) }
    }

    /// The signature keys, as they are now, of all leaves that a Commit changes; nil for those that are blank.
    private func signatureKeys(changedBy commit: StagedPublicCommit) -> [LeafIndex: [UInt8]?] {
        var keys: [LeafIndex: [UInt8]?] = [:]
        for leaf in commit.updated + commit.removed + commit.added.map(\.leafIndex) + [commit.committer] {
            keys[leaf] = .some(publicGroup.tree.signatureKey(at: leaf))
        }
        return keys
    }

    /// The key that a Commit was encrypted with; it may be asked for no more. RFC 9420 section 9.2.
    private mutating func consumeHandshakeKey(of leaf: LeafIndex, _ generation: UInt32) {
        // Where it is gone already there is nothing to delete.
        guard let step = try? secretTree.step(leaf, .commit, generation: generation, crypto: &crypto) else { return }
        secretTree.consume(step)
    }

    /// "the client cannot send any more messages in the group and SHOULD promptly delete its group state and secret tree":
    /// what stands in its place nobody has ever seen. RFC 9420 section 12.4.2.
    private mutating func leave() {
        isRemoved = true
        for past in pastEpochs { saved.delete(past) }
        pastEpochs = []
        resumptionPSKs = []
        privateKeys.forget()
        let nobodys = crypto.randomSecret(byteCount: crypto.hashByteCount)
        let ended = begin(EpochSecrets(epochSecret: nobodys.bytes, crypto: &crypto))
        saved.delete(ended.tree.records, epoch: epoch)
        crypto.forget()
    }
}

extension StagedCommit {
    /// The public part, for when this is gone.
    // Not inlined: the optimizer of Swift 6.3 makes the copy only behind the `merge` that ends what is copied.
    @inline(never) fileprivate func copyOfPublicCommit() -> StagedPublicCommit { publicCommit }
}

/// What an epoch that is over leaves.
private struct EndedSecrets: ~Copyable {
    let secrets: PastEpochSecrets
    let tree: SecretTree
}
