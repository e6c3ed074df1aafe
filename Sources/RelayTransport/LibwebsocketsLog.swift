import CLibwebsockets
import Synchronization

/// Where libwebsockets' own log lines go; one place for the process, as lws has it.
public enum LibwebsocketsLog {
    private static let handler = Mutex<(@Sendable (String) -> Void)?>(nil)
    private static let gathered = Mutex<[String]?>(nil)

    public static func setHandler(_ new: @escaping @Sendable (String) -> Void) { handler.withLock { $0 = new } }

    /// Lets lws say what is an error or a warning.
    static func start() {
        lws_set_log_level(LLL_ERR | LLL_WARN) { _, line in
            guard let line else { return }
            LibwebsocketsLog.take(String(String(cString: line).filter { !$0.isNewline }))
        }
    }

    /// Calls `body`, and keeps what lws says meanwhile from the handler.
    static func gathering<Result>(_ body: () -> Result) -> (Result, lines: [String]) {
        gathered.withLock { $0 = [] }
        let result = body()
        let lines = gathered.withLock { lines in
            defer { lines = nil }
            return lines ?? []
        }
        return (result, lines)
    }

    private static func take(_ line: String) {
        let isGathered = gathered.withLock { lines in
            lines?.append(line)
            return lines != nil
        }
        if !isGathered { handler.withLock { $0 }?(line) }
    }
}
