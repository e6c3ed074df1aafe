import Testing

@testable import RelayConnection

@Suite("Backoff")
struct BackoffTests {
    @Test("waits double from one failure to the next, up to the maximum, and differ")
    func doubles() {
        let backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(30))
        #expect(
            (0..<10).map { backoff.limit(attempt: $0) }.prefix(4) == [
                .milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800),
            ])
        #expect(backoff.limit(attempt: 1000) == .seconds(30))
        var generator = SystemRandomNumberGenerator()
        let delays = (0..<100).map { _ in backoff.delay(attempt: 3, using: &generator) }
        #expect(delays.allSatisfy { (.milliseconds(400)...(.milliseconds(800))).contains($0) } && Set(delays).count > 1)
    }
}
