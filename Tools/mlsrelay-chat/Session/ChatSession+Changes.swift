import RelayClient

/// Commands that change the present group.
extension ChatSession {
    func change(_ command: ChatCommand) async throws(CommandError) {
        let group = try presentGroup()
        if case .members = command { return await listMembers(of: group) }
        let done = try await library { () async throws(RelayClientError) in try await Self.change(group, command) }
        await refresh(group.id)
        emit(.done, done)
        if case .check = command { showSafetyNumber(of: group) }
    }

    /// Returns what was done.
    private static func change(
        _ group: EncryptedGroup, _ command: ChatCommand
    ) async throws(RelayClientError) -> String {
        switch command {
        case .invite(let users):
            try await group.add(users)
            return "invite \(names(users))"
        case .remove(let users):
            try await group.remove(users)
            return "remove \(names(users))"
        case .role(let role, let user):
            try await group.setRole(role, of: user)
            return "role \(PeerText.name(user)) \(role)"
        case .ban(let isBanned, let user):
            try await group.setBanned(isBanned, user: user)
            return "\(isBanned ? "ban" : "unban") \(PeerText.name(user))"
        case .approval(let count):
            var policy = try await group.state().policy
            policy.approvalAbove = count
            try await group.setPolicy(policy)
            return "approval \(count)"
        default: return try await changeAll(group, command)
        }
    }

    private static func changeAll(
        _ group: EncryptedGroup, _ command: ChatCommand
    ) async throws(RelayClientError) -> String {
        switch command {
        case .leave:
            try await group.leave()
            return "leave"
        case .delete:
            try await group.delete()
            return "delete"
        case .rename(let name):
            try await group.rename(name)
            return "rename \(PeerText.name(name))"
        case .rotate:
            try await group.rotateKeys()
            return "rotate"
        case .check:
            try await group.checkHeads()
            return "check"
        default: preconditionFailure("no command that changes a group")
        }
    }

    private static func names(_ users: [String]) -> String { users.map(PeerText.name).joined(separator: " ") }

    private func listMembers(of group: EncryptedGroup) async {
        await refresh(group.id)
        let users = views[group.id]?.state?.users ?? []
        for user in users {
            let devices = user.devices.map { device in
                let name = device.device.isEmpty ? "?" : PeerText.name(device.device)
                return name + (device.isThisDevice ? " (this device)" : trustText(device.fingerprint))
            }
            emit(.item, "\(PeerText.name(user.name)) \(user.role): \(devices.joined(separator: ", "))")
        }
        emit(.done, "members \(users.count)")
    }

    private func trustText(_ fingerprint: Fingerprint) -> String {
        switch trust[fingerprint] {
        case .verified: " (verified)"
        case .changed: " (key changed)"
        case .unverified, nil: ""
        }
    }

    private func showSafetyNumber(of group: EncryptedGroup) {
        guard let number = views[group.id]?.state?.safetyNumber else { return }
        emit(.notice, "whoever is in the same group with the same people sees the number \(number)")
    }
}
