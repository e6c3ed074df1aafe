import MLSCodec
import MLSPublicGroup
import RelayWire
import TLSPresentation

/// A public group as the relay follows it, entry by entry.
///
/// A value: a Publish is tried on a copy. The log is what is true: this is kept in memory, and made again from what was
/// stored some commits ago and the entries since.
struct FollowedGroup {
    /// The group in its newest epoch.
    var group: PublicGroup
    /// The group before each commit that may still be voided, oldest first, and where the commit stands.
    var earlier: [(commit: SequenceNumber, group: PublicGroup)] = []
    /// Commits since it was stored.
    var commitCount = 0

    init(_ group: PublicGroup) { self.group = group }

    /// Takes a commit that stands, or is about to stand, at `sequenceNumber`.
    mutating func merge(_ staged: consuming StagedPublicCommit, at sequenceNumber: SequenceNumber) {
        earlier.append((sequenceNumber, group))
        group.merge(staged)
        commitCount += 1
    }

    /// What came before commits up to this one is not needed again.
    mutating func confirm(through sequenceNumber: SequenceNumber) {
        earlier.removeAll { $0.commit <= sequenceNumber }
    }

    /// Goes back to the group before a commit.
    /// - Returns: false where that is not known any more.
    mutating func goBack(before sequenceNumber: SequenceNumber) -> Bool {
        guard let index = earlier.firstIndex(where: { $0.commit == sequenceNumber }) else { return false }
        group = earlier[index].group
        earlier.removeSubrange(index...)
        return true
    }

    /// Follows an entry that was accepted before. Of times, only that of the entry counts.
    mutating func replay(_ entry: Entry) throws(GroupError) {
        switch entry.header.kind {
        case .message:
            let message: MLSMessage
            do throws(DecodingError) {
                message = try MLSMessage(decoding: entry.payload.rawSpan)
            } catch {
                throw .malformed(error)
            }
            guard case .publicMessage(let handshake) = message else { return }
            group.setTime(entry.header.time)
            if case .commit(let staged) = try group.process(handshake) {
                merge(staged, at: entry.header.sequenceNumber)
            }
        case .commitVoided:
            do throws(DecodingError) {
                _ = goBack(before: try VoidNotice(decoding: entry.payload.rawSpan).sequenceNumber)
            } catch {
                throw .malformed(error)
            }
        default: return
        }
    }
}

extension PublicGroup {
    /// The time that lifetimes are compared with.
    mutating func setTime(_ time: Timestamp) {
        let seconds = time.rawValue / 1000
        policy.clock = { seconds }
    }

    /// The signature key of a member; nil where the leaf is blank.
    func signatureKey(at leaf: LeafIndex) -> [UInt8]? { member(at: leaf)?.signatureKey }
}
