import Glibc
import RelayClient

/// The chat without a screen: a line in is a command, a line out is an update.
enum PlainFront {
    /// Runs the session; returns the status to exit with.
    static func run(_ session: ChatSession, admission: Admission) async -> Int32 {
        await withTaskGroup(of: Void.self, returning: Int32.self) { tasks in
            tasks.addTask { await session.run(admission: admission) }
            tasks.addTask {
                for await line in Input.lines() { session.submit(line) }
                if !Task.isCancelled { session.endInput() }
            }
            tasks.addTask { await endBySignal(session) }
            var status: Int32 = 0
            for await update in session.updates {
                switch update {
                case .line(let line): StandardOutput.write(Array((PlainText.line(line) + "\n").utf8))
                case .ended(let code): status = code
                // For a screen; what is new of it comes as lines.
                case .history, .marks, .trust, .status: break
                }
            }
            tasks.cancelAll()
            return status
        }
    }

    /// The first signal ends the session, the second the process.
    private static func endBySignal(_ session: ChatSession) async {
        var isEnding = false
        for await number in Signals.stream([SIGINT, SIGTERM, SIGHUP]) {
            if isEnding { exit(128 + number) }
            isEnding = true
            Task { await session.close(128 + number) }
        }
    }
}
