import RelayClient

extension ChatSession {
    /// Takes in the groups of the store, with what was said last.
    func openGroups() async {
        do throws(RelayClientError) {
            for group in try await client.groups() { await show(group) }
        } catch {
            emit(.failure(code: error.code.rawValue), PeerText.line(error.message))
        }
        present = order.first
        tellStatus()
    }

    /// A group that this device is in now.
    func join(_ id: GroupID) async {
        do throws(RelayClientError) {
            if let group = try await client.group(id) { await follow(group) }
        } catch {
            emit(.failure(code: error.code.rawValue), PeerText.line(error.message))
        }
    }

    /// Follows a group that was there before: what was said last is shown, and what comes is news.
    private func show(_ group: EncryptedGroup) async {
        guard await begin(group) else { return }
        let last = await showHistory(of: group, count: Self.firstHistoryCount)
        start { await $0.follow(group, after: last ?? .start) }
    }

    /// Follows a group that this device has come to: all of it is news.
    func follow(_ group: EncryptedGroup) async {
        guard await begin(group) else { return }
        start { await $0.follow(group, after: .start) }
    }

    /// Takes in a group.
    /// - Returns: whether it is to be followed; otherwise it is already, also where it had ended.
    private func begin(_ group: EncryptedGroup) async -> Bool {
        let isNew = views[group.id] == nil
        if isNew {
            views[group.id] = View(group: group)
            order.append(group.id)
        }
        views[group.id]?.isEnded = false
        if present == nil { present = group.id }
        await refresh(group.id)
        refreshTrust(of: group.id)
        tellStatus()
        return isNew
    }

    /// Shows the last events of a group in place of those that are shown.
    /// - Returns: the place of the last one; nil where there is none.
    @discardableResult
    func showHistory(of group: EncryptedGroup, count: Int) async -> EventPosition? {
        // A group whose past cannot be read can still be talked in; an error of the store says so at the next command.
        let events = (try? await group.history(before: EventPosition(rawValue: .max), limit: count)) ?? []
        for event in events { noteReceipts(event) }
        emit(.history(group.id, lines(events, of: group.id)))
        return events.last?.position
    }

    func lines(_ events: [GroupEvent], of group: GroupID) -> [ChatLine] {
        let name = views[group]?.name ?? group.description
        return events.compactMap { EventText.line($0, groupName: name) }.filter { $0.kind != .receipt }
    }

    private func follow(_ group: EncryptedGroup, after position: EventPosition) async {
        do throws(RelayClientError) {
            for try await event in group.events(after: position) { await take(event) }
        } catch {
            guard ![.closed, .cancelled].contains(error.code) else { return }
            emit(.line(ChatLine(.warning, "problem: \(PeerText.line(error.message)) (\(error.code))", group: group.id)))
        }
    }

    /// Takes in an event that has just happened.
    private func take(_ event: GroupEvent) async {
        let line = EventText.line(event, groupName: views[event.group]?.name ?? event.group.description)
        switch event.kind {
        case .message(let message): take(message, of: event, line)
        case .delivered, .acknowledged:
            noteReceipts(event)
            // People see marks.
            if isPlain, showsReceipts, let line { emit(.line(line)) }
        default:
            noteReceipts(event)
            if let line { emit(.line(line)) }
            await takeChange(event)
        }
        tellStatus()
    }

    private func take(_ message: Message, of event: GroupEvent, _ line: ChatLine?) {
        noteReceipts(event)
        let isOwn = message.sender.isThisDevice
        if isOwn, views[event.group]?.shown.insert(message.id).inserted == false { return }
        if let line { emit(.line(line)) }
        if !isOwn, event.group != present { views[event.group]?.unreadCount += 1 }
        if trust[message.sender.fingerprint] == nil { refreshTrust(users: [message.sender.user]) }
    }

    private func takeChange(_ event: GroupEvent) async {
        switch event.kind {
        case .ended: views[event.group]?.isEnded = true
        case .integrityWarning(let warning):
            status.warningCount += 1
            if case .keyChanged(let member) = warning { refreshTrust(users: [member.user]) }
        default: break
        }
        await refresh(event.group)
        if case .joined(let member, by: _) = event.kind { refreshTrust(users: [member.user]) }
    }

    /// What an event says about this device's messages.
    private func noteReceipts(_ event: GroupEvent) {
        let changed: [MessageID: DeliveryMark]? =
            switch event.kind {
            case .message(let message) where message.sender.isThisDevice:
                views[event.group]?.receipts.note(message.id, event.sequenceNumber == 0 ? .waiting : .sent)
            // That a single member has it shows in `--plain` only: a mark is for all.
            case .delivered(let id, to: nil): views[event.group]?.receipts.reach(id, .delivered)
            case .acknowledged(let id, by: nil): views[event.group]?.receipts.reach(id, .acknowledged)
            case .notSent(let id): views[event.group]?.receipts.note(id, .failed)
            default: nil
            }
        if let changed, !changed.isEmpty { emit(.marks(changed)) }
    }

    /// Reads a group's state anew.
    func refresh(_ id: GroupID) async {
        guard let group = views[id]?.group else { return }
        // A group that has ended may have none; what was known of it stays.
        if let state = try? await group.state() { views[id]?.state = state }
    }

    // MARK: Trust

    /// Reads how far the devices of a group's users are trusted, beside everything else.
    func refreshTrust(of group: GroupID?) {
        guard let state = group.flatMap({ views[$0]?.state }) else { return }
        refreshTrust(users: state.users.map(\.name))
    }

    func refreshTrust(users: [String]) {
        start { session in
            for user in users {
                // Without a connection the marks stay as they are; they are read again when there is one.
                guard let devices = try? await session.client.devices(of: user) else { continue }
                await session.take(devices)
            }
        }
    }

    func take(_ devices: [Device]) {
        let news = Dictionary(devices.map { ($0.fingerprint, $0.trust) }) { $1 }
        guard news.contains(where: { trust[$0.key] != $0.value }) else { return }
        trust.merge(news) { $1 }
        emit(.trust(news))
    }
}
