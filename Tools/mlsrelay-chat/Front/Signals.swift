import Dispatch
import Glibc

/// Signals as values.
enum Signals {
    /// The signals of these numbers as they come, which do nothing else from then on.
    static func stream(_ numbers: [Int32]) -> AsyncStream<Int32> {
        let (stream, continuation) = AsyncStream<Int32>.makeStream()
        let sources = numbers.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield(number) }
            source.resume()
            return source
        }
        // Keeps them as long as somebody listens.
        let kept = Sources(sources)
        continuation.onTermination = { _ in kept.cancel() }
        return stream
    }

    /// Sendable because nothing but `cancel` is done to them, which any thread may.
    private final class Sources: @unchecked Sendable {
        private let sources: [any DispatchSourceSignal]
        init(_ sources: [any DispatchSourceSignal]) { self.sources = sources }
        func cancel() { for source in sources { source.cancel() } }
    }
}
