import Synchronization
import TestSupport

/// How long a test waits for what has to come.
let patience = Duration.seconds(20)

/// What `body` returns, or a failure that says what did not come in time. `body` is cancelled then, but not waited for.
func bounded<Value: Sendable>(
    _ what: String, within limit: Duration = patience, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let once = Once<Value>()
    return try await withCheckedThrowingContinuation { continuation in
        once.begin(continuation)
        let work = Task {
            do { once.end(.success(try await body())) } catch { once.end(.failure(error)) }
        }
        Task {
            // Cancelled by nobody.
            try? await Task.sleep(for: limit)
            if once.end(.failure(FakeServer.Failure(description: "no \(what) within \(limit)"))) { work.cancel() }
        }
    }
}

/// Resumes a continuation with the first of several results.
private final class Once<Value: Sendable>: Sendable {
    private let continuation = Mutex<CheckedContinuation<Value, any Error>?>(nil)

    func begin(_ continuation: CheckedContinuation<Value, any Error>) {
        self.continuation.withLock { $0 = continuation }
    }

    /// Returns whether it was the first.
    @discardableResult
    func end(_ result: Result<Value, any Error>) -> Bool {
        guard let continuation = continuation.withLock({ $0.take() }) else { return false }
        continuation.resume(with: result)
        return true
    }
}

/// Asks again and again until something is so; for what no event tells.
func until(
    _ what: String, within limit: Duration = patience, _ condition: @escaping @Sendable () async throws -> Bool
) async throws {
    try await bounded(what, within: limit) {
        while try await !condition() { try await Task.sleep(for: .milliseconds(5)) }
    }
}

/// What has happened so far, for readers who wait for more.
final class EventLog<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var waiting: [CheckedContinuation<Void, Never>] = []
    }
    private let state = Mutex(State())

    var all: [Element] { state.withLock { $0.elements } }

    func append(_ element: Element) {
        let waiting = state.withLock { state in
            state.elements.append(element)
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// The first element from `start` on from which `transform` makes something, with the place behind it.
    func first<Value: Sendable>(
        _ what: String, from start: Int = 0, _ transform: @escaping @Sendable (Element) -> Value?
    ) async throws -> (value: Value, next: Int) {
        try await bounded(what) {
            var index = start
            while true {
                let elements = self.all
                while index < elements.count {
                    index += 1
                    if let value = transform(elements[index - 1]) { return (value, index) }
                }
                await self.waitForMore(than: index)
            }
        }
    }

    private func waitForMore(than count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.elements.count <= count { state.waiting.append(continuation) }
                return state.elements.count > count
            }
            if isThere { continuation.resume() }
        }
    }
}
