import RelayClient

extension ChatSession {
    /// Connects, again and again where that may help, and asks for what else it takes.
    func connect(_ admission: Admission) async {
        var delay = Duration.seconds(1)
        while !Task.isCancelled {
            do throws(RelayClientError) {
                try await client.connect(admission: admission)
                return startExecuting()
            } catch {
                guard await mayTryAgain(after: error, admission) else { return }
                // Ended early where the session is.
                try? await Task.sleep(for: error.retryAfter ?? delay)
                delay = min(delay * 2, .seconds(30))
            }
        }
    }

    /// What to make of a connection that was not made.
    private func mayTryAgain(after error: RelayClientError, _ admission: Admission) async -> Bool {
        switch error.code {
        case .closed, .cancelled: return false
        case .nameTaken: askForAdmission()
        case .admissionRequired: ask(.token, "The relay lets nobody register without a token: paste yours here.")
        case .admissionInvalid:
            emit(.failure(code: error.code.rawValue), PeerText.line(error.message))
            if case .token = admission { ask(.token, "Paste another token here.") } else { askForAdmission() }
        case .connectionFailed, .timedOut, .limited, .notConnected:
            emit(.warning, "connection: \(PeerText.line(error.message)); it is tried again")
            startExecuting()
            return true
        default: await giveUp(error)
        }
        return false
    }

    private func askForAdmission() {
        let user = PeerText.name(client.identity.user)
        emit(.notice, "The name \(user) is taken. If it is yours, type on a device that you have already:")
        emit(.item, "/admit \(client.identity.admissionRequest)")
        emit(.notice, "This device's fingerprint: \(client.identity.fingerprint)")
        ask(
            .admission, "Then paste here the line that it answers. If the name is not yours, start with another --user."
        )
    }

    private func ask(_ wanted: Wanted, _ text: String) {
        self.wanted = wanted
        emit(.notice, text)
        startExecuting()
    }

    private func giveUp(_ error: RelayClientError) async {
        emit(.failure(code: error.code.rawValue), PeerText.line(error.message))
        status.connection = .ended(error)
        tellStatus()
        if isPlain { await close(1) } else { startExecuting() }
    }

    /// Takes a line that the relay waits for.
    func supply(_ line: String, for wanted: Wanted) async {
        self.wanted = nil
        // A long line that was copied from a screen comes in pieces.
        let text = line.filter { !$0.isWhitespace }
        let admission = wanted == .token ? Admission.token(text) : .device(text)
        emit(.done, "tried")
        // A program's next command would come too early; a person sees what the status line says.
        if isPlain { await connect(admission) } else { start { await $0.connect(admission) } }
    }

    /// Follows what concerns this device as a whole.
    func follow(_ events: AsyncStream<ClientEvent>) async {
        for await event in events {
            await take(event)
            tellStatus()
        }
    }

    private func take(_ event: ClientEvent) async {
        switch event {
        case .connection(let state): take(state)
        case .groupJoined(let id): await join(id)
        case .invitation(let invitation):
            emit(.line(ChatLine(.notice, InvitationText.sentence(invitation, user: status.user))))
        case .deviceAdded(let device): take(device)
        case .deviceRevoked(let device):
            emit(.line(ChatLine(.notice, "your device \(PeerText.name(device.name)) was revoked")))
        case .problem(let error):
            let text = "problem: \(PeerText.line(error.message)) (\(error.code)); it is tried again"
            emit(.line(ChatLine(.warning, text)))
        }
    }

    /// Somebody has registered a device of this user: nothing to worry about where it was admitted here.
    private func take(_ device: Device) {
        let name = PeerText.name(device.name)
        let text = "device: you have a new device, \(name), with the fingerprint \(device.fingerprint)"
        guard admittedCount == 0 else {
            admittedCount -= 1
            return emit(.line(ChatLine(.notice, text)))
        }
        emit(.line(ChatLine(.warning, text + "; if it is not yours, /revoke \(name)")))
    }

    private func take(_ state: ConnectionState) {
        status.connection = state
        switch state {
        case .ready:
            emit(.line(ChatLine(.notice, "connected")))
            refreshTrust(of: present)
        case .waiting: emit(.line(ChatLine(.notice, "the connection is lost; it is made again")))
        case .ended(let error) where error.code != .closed:
            emit(.line(ChatLine(.warning, "ended: \(PeerText.line(error.message)) (\(error.code))")))
        case .idle, .connecting, .ended: break
        }
    }
}
