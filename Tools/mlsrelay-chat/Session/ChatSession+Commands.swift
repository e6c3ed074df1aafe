import RelayClient

extension ChatSession {
    /// Carries out a line that was typed, and says that it is done or why it is not.
    func execute(_ line: String) async {
        do throws(CommandError) {
            guard let command = try CommandLineParser.parse(line) else { return }
            if case .say = command, let wanted { return await supply(line, for: wanted) }
            try await execute(command)
        } catch {
            emit(.failure(code: error.code), PeerText.line(error.message))
        }
        tellStatus()
    }

    private func execute(_ command: ChatCommand) async throws(CommandError) {
        switch command {
        case .say(let text): try await say(text)
        case .create(let name, let join): try await create(name, join)
        case .groups: listGroups()
        case .switchTo(let word): try await switchTo(word)
        case .open(let filter): try await listOpenGroups(filter)
        case .join(let word): try await joinOpenGroup(word)
        case .history(let count): try await history(count)
        case .receipts(let isOn):
            showsReceipts = isOn
            emit(.done, "receipts \(isOn ? "on" : "off")")
        case .help: help()
        case .quit:
            emit(.done, "quit")
            await quit()
        case .invitations, .answer: try await executeInvitation(command)
        case .verify, .users, .devices, .admit, .revoke: try await executePeople(command)
        default: try await change(command)
        }
    }

    /// Calls the library, and makes its errors those of commands.
    func library<Value: Sendable>(
        _ body: () async throws(RelayClientError) -> Value
    ) async throws(CommandError) -> Value {
        do throws(RelayClientError) { return try await body() } catch { throw CommandError(error) }
    }

    /// The group that is talked in.
    /// - Throws: `noGroup`.
    func presentGroup() throws(CommandError) -> EncryptedGroup {
        guard let view = present.flatMap({ views[$0] }) else {
            throw CommandError("noGroup", "You are in no group: /create one, /join an open one, or see /invitations.")
        }
        return view.group
    }

    // MARK: Talking

    private func say(_ text: String) async throws(CommandError) {
        let group = try presentGroup()
        let id = try await library { () async throws(RelayClientError) in try await group.send(text) }
        echo(text, id, in: group)
        start { await $0.waitUntilAccepted(id, in: group) }
        if isPlain { emit(.done, "sent \(id)") }
    }

    /// Shows what was said, where its event has not come yet.
    private func echo(_ text: String, _ id: MessageID, in group: EncryptedGroup) {
        let devices = views[group.id]?.state?.users.flatMap(\.devices) ?? []
        guard let sender = devices.first(where: \.isThisDevice) else { return }
        guard views[group.id]?.shown.insert(id).inserted == true else { return }
        var line = ChatLine(.message, PeerText.message(text), group: group.id, time: ClockText.now())
        (line.sender, line.messageID, line.groupName) = (sender, id, views[group.id]?.name)
        emit(.line(line))
        mark(id, .waiting, in: group.id)
    }

    private func history(_ count: Int) async throws(CommandError) {
        let group = try presentGroup()
        let events = try await library { () async throws(RelayClientError) in
            try await group.history(before: EventPosition(rawValue: .max), limit: count)
        }
        let shown = lines(events, of: group.id)
        emit(.history(group.id, shown))
        if isPlain { for line in shown { emit(.item, PlainText.line(line)) } }
        emit(.done, "history \(shown.count)")
    }

    // MARK: Groups

    private func create(_ name: String, _ join: JoinRule) async throws(CommandError) {
        var policy = GroupPolicySettings()
        policy.join = join
        let chosen = policy
        let group = try await library { () async throws(RelayClientError) in
            try await client.createGroup(named: name, policy: chosen)
        }
        await follow(group)
        await makePresent(group.id)
        emit(.done, "create \(PeerText.name(name)) \(group.id)")
    }

    private func listGroups() {
        for (index, view) in currentViews.enumerated() {
            let isPresent = view.group.id == present ? " (here)" : ""
            let count = view.state?.users.count ?? 0
            let people = count == 1 ? "1 person" : "\(count) people"
            let text = "\(index + 1) \(PeerText.name(view.name)): \(people), epoch \(view.state?.epoch ?? 0)"
            emit(.item, text + ", \(view.unreadCount) unread" + isPresent)
        }
        emit(.done, "groups \(currentViews.count)")
    }

    /// The groups that this device is in, as they are numbered.
    private var currentViews: [View] { order.compactMap { views[$0] }.filter { !$0.isEnded } }

    private func switchTo(_ word: String) async throws(CommandError) {
        let candidates = currentViews.map {
            GroupLookup.Candidate(id: $0.group.id, name: $0.name, alias: $0.state?.alias ?? "")
        }
        let id = try GroupLookup.find(word, in: candidates)
        await makePresent(id)
        emit(.done, "switch \(PeerText.name(views[id]?.name ?? word))")
    }

    private func makePresent(_ id: GroupID) async {
        present = id
        views[id]?.unreadCount = 0
        await refresh(id)
        refreshTrust(of: id)
        tellStatus()
    }

    private func listOpenGroups(_ filter: String) async throws(CommandError) {
        let groups = try await library { () async throws(RelayClientError) in
            try await client.openGroups(matching: filter)
        }
        for group in groups {
            let alias = group.alias.isEmpty ? "" : " (\(PeerText.name(group.alias)))"
            emit(.item, "\(PeerText.name(group.name))\(alias): \(group.userCount) people, \(group.id)")
        }
        emit(.done, "open \(groups.count)")
    }

    private func joinOpenGroup(_ word: String) async throws(CommandError) {
        let found = try await library { () async throws(RelayClientError) in try await client.openGroups(matching: word)
        }
        let candidates = found.map { GroupLookup.Candidate(id: $0.id, name: $0.name, alias: $0.alias) }
        let id = try GroupLookup.find(word, in: candidates)
        let group = try await library { () async throws(RelayClientError) in try await client.join(id) }
        await follow(group)
        await makePresent(id)
        emit(.done, "join \(PeerText.name(views[id]?.name ?? word))")
    }

    private func help() {
        let width = CommandName.allCases.map(\.usage.count).max() ?? 0
        for name in CommandName.allCases { emit(.item, Width.fitted(name.usage, width + 2) + name.summary) }
        emit(
            .item,
            "The beginning of a command is enough. Everything else is said in the group; // begins a text with /.")
        emit(.done, "help")
    }
}
