import MLSCodec
public import MLSPublicGroup
public import RelayWire
import TLSPresentation

/// A public group is what was stored of it some commits ago, and the entries since.
extension RecordReading where Self: ~Copyable {
    /// The public group of a tracked group with public handshakes, as it is behind the last entry.
    /// - Throws: where it is not there, or an entry does not fit.
    public func publicGroup(
        of log: LogNumber, policy: ValidationPolicy = ValidationPolicy(clientSupport: nil)
    ) throws(Failure) -> PublicGroup {
        try followedGroup(of: log, policy: policy).group
    }

    func followedGroup(of log: LogNumber, policy: ValidationPolicy) throws(Failure) -> FollowedGroup {
        guard let record = try get(Tables.publicGroups, log) else {
            throw Self.corrupted("log \(log) has no public group")
        }
        var followed: FollowedGroup
        do {
            let tree = try RatchetTree(decoding: record.ratchetTree.rawSpan)
            let stored = try StoredPublicGroup(decoding: record.group.rawSpan)
            followed = FollowedGroup(
                try PublicGroup(
                    stored, tree: GroupTree(tree, suite: stored.groupContext.cipherSuite), policy: policy))
        } catch {
            throw Self.corrupted("the public group of log \(log): \(error)")
        }
        guard let head = try head(of: log) else { throw Self.corrupted("log \(log) has no head") }
        var number = record.sequenceNumber
        while number < head.last {
            number = number.next
            guard let entry = try storedEntry(number, in: log) else { continue }
            do throws(GroupError) {
                try followed.replay(entry)
            } catch {
                throw Self.corrupted("entry \(number) of log \(log) does not fit its public group: \(error)")
            }
        }
        return followed
    }
}
