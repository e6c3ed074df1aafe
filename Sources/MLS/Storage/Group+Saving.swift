import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation

/// What the store has of a group, so that only what differs from it is written.
struct SavedState {
    /// Nil where nothing was saved yet.
    var tree: GroupTree?
    var isGroupSaved = false
    var isPendingCommitSaved = true
    var proposals: [QueuedProposal] = []
    var pastEpochs: Set<UInt64> = []
    var resumptionPSKs: Set<UInt64> = []
    /// Records of what is no more.
    var deleted: Set<GroupStateKey> = []

    mutating func delete(_ past: PastEpoch) {
        deleted.insert(.pastEpoch(past.framing.epoch))
        delete(past.secretTree.records, epoch: past.framing.epoch)
        pastEpochs.remove(past.framing.epoch)
    }

    mutating func delete(_ records: Set<SecretTreeRecord>, epoch: UInt64) {
        deleted.formUnion(records.map { .secretTree(epoch: epoch, $0) })
    }
}

/// Saving a group, which costs what has changed since the last time and not the size of the group.
extension Group {
    /// Gives `write` what has changed; when that returns without a throw it counts as saved.
    ///
    /// The records hold secrets and are not encrypted: that is for the store.
    /// - Throws: what `write` throws; then all of it still counts as changed.
    public mutating func save<Failure: Error>(
        _ write: ([GroupStateRecord]) throws(Failure) -> Void
    ) throws(Failure) {
        let changes = changes()
        if !changes.isEmpty { try write(changes) }
        markSaved()
    }

    /// What has changed, to be carried out in this order.
    private borrowing func changes() -> [GroupStateRecord] {
        var changes = saved.deleted.map { GroupStateRecord($0, nil) }
        if !saved.isGroupSaved { changes.append(GroupStateRecord(.group, savedGroup())) }
        appendTree(to: &changes)
        appendProposals(to: &changes)
        appendEpochs(to: &changes)
        if !saved.isPendingCommitSaved {
            changes.append(GroupStateRecord(.pendingCommit, savedPendingCommit()))
        }
        return changes
    }

    private mutating func markSaved() {
        secretTree.markSaved()
        for past in pastEpochs { past.secretTree.markSaved() }
        saved = SavedState(
            tree: publicGroup.tree, isGroupSaved: true, isPendingCommitSaved: true,
            proposals: publicGroup.pendingProposals, pastEpochs: Set(pastEpochs.map(\.framing.epoch)),
            resumptionPSKs: Set(resumptionPSKs.map(\.epoch)))
    }

    private borrowing func appendTree(to changes: inout [GroupStateRecord]) {
        let tree = publicGroup.tree
        let changed = saved.tree.map { tree.nodesChanged(since: $0) } ?? tree.nonBlankNodes
        for node in changed {
            let value: [UInt8]? =
                if let leaf = node.leaf { tree.encodedLeafNode(at: leaf) } else { tree.parentNode(at: node)?.encoded }
            changes.append(GroupStateRecord(.treeNode(node), value.map { SharedSecret(copying: $0.rawSpan) }))
        }
    }

    private borrowing func appendProposals(to changes: inout [GroupStateRecord]) {
        let proposals = publicGroup.pendingProposals
        // Mostly proposals come at the end, and go all at once.
        let same = zip(proposals, saved.proposals).prefix { $0 == $1 }.count
        for position in same..<max(proposals.count, saved.proposals.count) {
            let encoded = position < proposals.count ? proposals[position].encoded : nil
            changes.append(
                GroupStateRecord(.proposal(UInt32(position)), encoded.map { SharedSecret(copying: $0.rawSpan) }))
        }
    }

    private borrowing func appendEpochs(to changes: inout [GroupStateRecord]) {
        let epoch = epoch
        secretTree.forEachChange { changes.append(GroupStateRecord(.secretTree(epoch: epoch, $0), $1)) }
        for past in pastEpochs {
            let epoch = past.framing.epoch
            if !saved.pastEpochs.contains(epoch) {
                changes.append(GroupStateRecord(.pastEpoch(epoch), past.saved()))
            }
            past.secretTree.forEachChange { changes.append(GroupStateRecord(.secretTree(epoch: epoch, $0), $1)) }
        }
        let kept = Set(resumptionPSKs.map(\.epoch))
        for epoch in saved.resumptionPSKs.subtracting(kept) {
            changes.append(GroupStateRecord(.resumptionPSK(epoch), nil))
        }
        for (epoch, psk) in resumptionPSKs where !saved.resumptionPSKs.contains(epoch) {
            changes.append(GroupStateRecord(.resumptionPSK(epoch), psk))
        }
    }

    /// The version of all records, which is in the one that is always there.
    static var savedVersion: UInt16 { 1 }

    /// ```
    /// struct { opaque private_key<V>; opaque public_key<V>; SavedIdentity identity; } SavedUpdate;
    /// struct {
    ///     uint16 version = 1; uint32 leaf_count; uint8 is_removed;
    ///     StoredPublicGroup group;  /* without proposals */
    ///     SavedPrivateKeys private_keys; SavedIdentity identity; opaque epoch_secrets<V>;
    ///     uint32 count; SavedUpdate pending_updates[count];
    /// } SavedGroup;
    /// ```
    private borrowing func savedGroup() -> SharedSecret {
        var writer = SecretWriter(capacity: 4096)
        writer.encode(Self.savedVersion)
        writer.encode(publicGroup.tree.leafCount.rawValue)
        writer.encode(isRemoved ? 1 as UInt8 : 0)
        var stored = publicGroup.stored
        stored.pendingProposals = []
        writer.encode(stored)
        do throws(CryptoError) {
            try privateKeys.save(into: &writer)
            try identity.save(into: &writer)
            let secrets = secrets.saved()
            writer.opaque(secrets.bytes)
            writer.encode(UInt32(pendingUpdates.count))
            for update in pendingUpdates.values {
                try update.leafKey.saveHalves(into: &writer)
                try update.identity.save(into: &writer)
            }
        } catch {
            preconditionFailure("keys that OpenSSL holds can be read: \(error)")
        }
        let bytes = writer.finish()
        return SharedSecret(copying: bytes.bytes)
    }

    /// ```
    /// struct {
    ///     AuthenticatedContent content; opaque message<V>;
    ///     SavedPrivateKeys private_keys; SavedIdentity identity; opaque epoch_secrets<V>;
    /// } SavedPendingCommit;
    /// ```
    private borrowing func savedPendingCommit() -> SharedSecret? {
        switch pendingCommit {
        case .none: return nil
        case .some(let pending):
            var writer = SecretWriter(capacity: 4096)
            writer.encode(pending.content)
            let message = pending.message
            writer.opaque(message.rawSpan)
            switch pending.staged.member {
            // Nobody removes itself with its own Commit.
            case .none: return nil
            case .some(let member):
                do throws(CryptoError) {
                    try member.privateKeys.save(into: &writer)
                    try member.identity.save(into: &writer)
                } catch {
                    preconditionFailure("keys that OpenSSL holds can be read: \(error)")
                }
                let secrets = member.secrets.saved()
                writer.opaque(secrets.bytes)
            }
            let bytes = writer.finish()
            return SharedSecret(copying: bytes.bytes)
        }
    }
}

extension GroupTree {
    fileprivate var nonBlankNodes: [NodeIndex] {
        (0..<leafCount.nodeCount.rawValue).map { NodeIndex($0) }.filter { !isBlank($0) }
    }
}
