import RelayClient

/// Commands about invitations, users and devices.
extension ChatSession {
    func executeInvitation(_ command: ChatCommand) async throws(CommandError) {
        let open = try await library { () async throws(RelayClientError) in try await client.invitations() }
        guard case .answer(let answer, let number) = command else {
            for invitation in open { emit(.item, InvitationText.sentence(invitation, user: status.user)) }
            return emit(.done, "invitations \(open.count)")
        }
        guard let invitation = open.first(where: { $0.number == number }) else {
            throw CommandError("invitationUnknown", "There is no open invitation \(number); /invitations lists them.")
        }
        try await library { () async throws(RelayClientError) in
            switch answer {
            case .accept: try await client.accept(invitation)
            case .decline: try await client.decline(invitation)
            case .approve: try await client.approve(invitation)
            }
        }
        emit(.done, "\(answer.rawValue) \(number)")
    }

    func executePeople(_ command: ChatCommand) async throws(CommandError) {
        switch command {
        case .verify(let user, nil): try await showFingerprints(of: user)
        case .verify(let user, let fingerprint?): try await verify(user, fingerprint)
        case .users(let prefix): try await listUsers(prefix)
        case .devices: try await listDevices()
        case .admit(let line): try await admit(line)
        case .revoke(let device): try await revoke(device)
        default: preconditionFailure("no command about people")
        }
    }

    private func devices(of user: String) async throws(CommandError) -> [Device] {
        let devices = try await library { () async throws(RelayClientError) in try await client.devices(of: user) }
        take(devices)
        return devices
    }

    // MARK: Fingerprints

    private func showFingerprints(of user: String) async throws(CommandError) {
        for device in try await devices(of: user) { emit(.item, Self.text(device)) }
        if user != status.user {
            for device in try await devices(of: status.user) { emit(.item, Self.text(device)) }
        }
        emit(.done, "verify \(PeerText.name(user))")
    }

    private func verify(_ user: String, _ typed: String) async throws(CommandError) {
        let wanted = typed.lowercased().filter { !$0.isWhitespace && $0 != ":" }
        let devices = try await devices(of: user)
        guard let device = devices.first(where: { GroupID($0.fingerprint.bytes).description == wanted }) else {
            let name = PeerText.name(user)
            throw CommandError(
                "fingerprintUnknown", "No device of \(name) has this fingerprint, of which all 64 digits are needed.")
        }
        try await library { () async throws(RelayClientError) in
            try await client.setVerified(true, device.fingerprint, of: user)
        }
        // What the library makes of it.
        _ = try await self.devices(of: user)
        emit(.done, "verify \(PeerText.name(user)) \(device.fingerprint)")
    }

    private static func text(_ device: Device) -> String {
        let name = PeerText.name(device.user) + "/" + PeerText.name(device.name)
        // Nobody compares a device with itself.
        return "\(name): \(device.fingerprint) " + (device.isThisDevice ? "(this device)" : "\(device.trust)")
    }

    // MARK: Users and devices

    private func listUsers(_ prefix: String) async throws(CommandError) {
        let names = try await library { () async throws(RelayClientError) in
            try await client.searchUsers(prefix: prefix)
        }
        for name in names { emit(.item, PeerText.name(name)) }
        emit(.done, "users \(names.count)")
    }

    private func listDevices() async throws(CommandError) {
        let devices = try await devices(of: status.user)
        for device in devices { emit(.item, Self.text(device)) }
        emit(.done, "devices \(devices.count)")
    }

    private func admit(_ line: String) async throws(CommandError) {
        // A long line that was copied from a screen comes in pieces.
        let request = line.filter { !$0.isWhitespace }
        let answer = try await library { () async throws(RelayClientError) in try await client.admit(request) }
        admittedCount += 1
        guard !isPlain else { return emit(.done, "admit \(PeerText.line(answer))") }
        emit(.notice, "Carry this line to the other device; it is good for a day:")
        emit(.item, PeerText.line(answer))
        emit(.done, "admit")
    }

    private func revoke(_ word: String) async throws(CommandError) {
        let typed = word.lowercased()
        let found = try await devices(of: status.user).filter { device in
            let isPrint = typed.count >= 8 && GroupID(device.fingerprint.bytes).description.hasPrefix(typed)
            return device.name == word || isPrint
        }
        guard let device = found.first, found.count == 1 else {
            let text = found.isEmpty ? "You have no device of that name" : "You have several devices of that name"
            throw CommandError("deviceUnknown", text + "; the first 8 digits of a fingerprint of /devices say which.")
        }
        guard !device.isThisDevice else {
            throw CommandError("deviceInUse", "It is this device; another of yours can revoke it.")
        }
        try await library { () async throws(RelayClientError) in try await client.revoke(device) }
        emit(.done, "revoke \(PeerText.name(device.name))")
    }
}
