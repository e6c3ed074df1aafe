/// The tables that the relay's services keep beside the logs, as bytes to bytes; `Tables` has the types.
///
/// Numbers in keys are big-endian, so that the order of keys is theirs.
public enum RecordTable: UInt8, CaseIterable, Hashable, Sendable {
    // Users and clients.
    case users, userNames, userClients, clients, signatureKeys, tokens, listedNames
    // Groups.
    case groups, openGroups, members, clientGroups, groupUsers, bans
    case publicGroups, pendingProposals, provisionalCommits, denials
    // Invitations and KeyPackages.
    case invitations, groupInvitations, userInvitations, inviterInvitations, reservations
    // Delivery.
    case delivered, headChecks, usage
    // The relay's own.
    case deadlines, rejects, counters

    /// What an operator sees.
    public var name: String { "\(self)" }
}
