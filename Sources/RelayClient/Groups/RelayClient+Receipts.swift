import ClientStore
import MLSCodec
import RelayConnection
import RelayWire
import TLSPresentation

/// Who has received what. PROTOCOL.md section 7.12.
extension RelayClient {
    /// Has receipts of a group pushed on the present connection.
    func followReceipts(_ runtime: GroupRuntime) {
        guard configuration.followsReceipts, runtime.session.isMember, runtime.session.record.log != .none else {
            return
        }
        Task {
            guard let connection else { return }
            do {
                let answer = try await connection.ask(
                    FollowReceipts(log: runtime.session.record.log, follow: true), for: Receipts.self,
                    isRepeatable: true)
                take(answer)
            } catch {
                // The next connection brings the next attempt.
            }
        }
    }

    func take(_ receipts: Receipts) {
        guard let runtime = runtimes.values.first(where: { $0.session.record.log == receipts.log }),
            runtime.session.isMember
        else { return }
        tell(runtime) { session, turn in try session.take(receipts, turn) }
    }
}
