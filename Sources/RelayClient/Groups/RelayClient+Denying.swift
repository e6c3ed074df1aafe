import RelayConnection
import RelayWire

/// Commits that this device cannot accept. PROTOCOL.md section 7.10.
extension RelayClient {
    /// Says that this device cannot accept a commit, until it is known what becomes of it: it is void, which the log tells,
    /// or the others have accepted it, which only this tells.
    /// - Parameter text: why, for people.
    func deny(_ text: String, _ runtime: GroupRuntime) {
        guard !runtime.isDenying else { return }
        runtime.isDenying = true
        Task {
            defer { runtime.isDenying = false }
            var pause = configuration.secondCheckDelay
            while isOpen, connection != nil, let commit = runtime.session.deniedCommit {
                do {
                    if try await isDecided(commit, text, runtime) { return }
                    try await Task.sleep(for: pause)
                    pause = min(pause * 2, max(pause, configuration.headCheckInterval))
                } catch {
                    // The next connection brings the next attempt.
                    return report(error)
                }
            }
        }
    }

    /// - Returns: whether the relay has decided on a commit; what follows from that has been done then.
    private func isDecided(_ commit: SequenceNumber, _ text: String, _ runtime: GroupRuntime) async throws -> Bool {
        let reason = Array(text.utf8.prefix(WireLimits.maxReasonByteCount))
        let denial = DenyCommit(log: runtime.session.record.log, sequenceNumber: commit, text: reason)
        do {
            _ = try await usableConnection().ask(denial, for: Done.self, isRepeatable: true)
            return false
        } catch let error as RelayConnectionError where error.code == .relay(.commitNotProvisional) {
            // It is void or confirmed: the log says which.
            try await catchUp(runtime)
            if runtime.session.deniedCommit == commit { rejoin(runtime) }
            return true
        }
    }
}

extension GroupSession {
    /// The commit that this member could not accept, while it is not known what becomes of it.
    var deniedCommit: SequenceNumber? { isMember ? record.denied : nil }
}
