import RelayWire

/// The policy as the relay has it. PROTOCOL.md section 7.9.
extension GroupPolicySettings {
    init(_ policy: GroupPolicy) {
        mayAdd = GroupRole(rawValue: policy.mayAdd.rawValue)
        mayRemove = GroupRole(rawValue: policy.mayRemove.rawValue)
        mayRename = GroupRole(rawValue: policy.mayRename.rawValue)
        join = JoinRule(rawValue: policy.join.rawValue) ?? .invitation
        hidesChanges = policy.mode == .privateHandshake
        approvalAbove = policy.approvalAbove
        retention = policy.retentionMilliseconds == 0 ? nil : .milliseconds(policy.retentionMilliseconds)
    }

    var wire: GroupPolicy {
        GroupPolicy(
            mode: hidesChanges ? .privateHandshake : .publicHandshake, mayAdd: Self.wire(mayAdd),
            mayRemove: Self.wire(mayRemove), mayRename: Self.wire(mayRename),
            join: RelayWire.JoinRule(rawValue: join.rawValue) ?? .invitation, approvalAbove: approvalAbove,
            retentionMilliseconds: retention.map { UInt64(max(0, $0.components.seconds)) * 1000 } ?? 0)
    }

    private static func wire(_ role: GroupRole?) -> Role {
        switch role {
        case nil: .nobody
        case .member: .member
        case .admin: .admin
        }
    }
}
