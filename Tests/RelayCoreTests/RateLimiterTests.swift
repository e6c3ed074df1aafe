import RelayCore
import RelayWire
import Testing

@Suite("Rate limits")
struct RateLimiterTests {
    private func time(_ milliseconds: UInt64) -> Timestamp { Timestamp(rawValue: 1_000_000 + milliseconds) }

    /// Takes a token if there is one.
    private func isTaken(_ limiter: inout RateLimiter<Int>, _ key: Int, _ limit: RateLimit, _ now: Timestamp) -> Bool {
        guard limiter.wait(for: key, of: limit, at: now) == nil else { return false }
        limiter.take(for: key, of: limit, at: now)
        return true
    }

    @Test("as many as the limit at once and not one more, then as often as they come back, each key for itself")
    func limit() {
        var limiter = RateLimiter<Int>()
        let limit = RateLimit.perMinute(10)
        let taken = (0..<11).map { _ in isTaken(&limiter, 1, limit, time(0)) }
        #expect(taken == Array(repeating: true, count: 10) + [false])
        #expect(limiter.wait(for: 1, of: limit, at: time(0)) == 6000)
        #expect(limiter.wait(for: 1, of: limit, at: time(5999)) == 1)
        #expect(limiter.wait(for: 1, of: limit, at: time(6000)) == nil)
        #expect(limiter.wait(for: 1, 2, of: limit, at: time(6000)) == 6000)
        #expect(limiter.wait(for: 2, 10, of: limit, at: time(0)) == nil)
        // After a minute the bucket is full and does not get fuller.
        let later = (0..<11).map { _ in isTaken(&limiter, 1, limit, time(200_000)) }
        #expect(later == Array(repeating: true, count: 10) + [false])
    }

    @Test("a limit of 0 is none, and a large one limits too")
    func ends() {
        var limiter = RateLimiter<Int>()
        limiter.take(1000, for: 1, of: .perMinute(0), at: time(0))
        #expect(limiter.wait(for: 1, 1_000_000, of: .perMinute(0), at: time(0)) == nil)
        limiter.take(1_000_000, for: 1, of: .perMinute(1_000_000), at: time(0))
        #expect(limiter.wait(for: 1, of: .perMinute(1_000_000), at: time(0)) == 1)
        #expect(limiter.wait(for: 1, .max, of: .perMinute(1_000_000), at: time(0)) == 60_000)
    }

    @Test("a clock that goes back lets nobody wait longer than an empty bucket does")
    func backwards() {
        var limiter = RateLimiter<Int>()
        let limit = RateLimit.perMinute(2)
        limiter.take(2, for: 1, of: limit, at: time(900_000))
        #expect(limiter.wait(for: 1, of: limit, at: time(0)) == 30_000)
        limiter.take(1, for: 1, of: limit, at: time(0))
        #expect(limiter.wait(for: 1, of: limit, at: time(30_000)) == nil)
    }

    @Test("what is remembered is bounded: full buckets are forgotten first")
    func bounded() {
        var limiter = RateLimiter<Int>(maxKeyCount: 2)
        let limit = RateLimit.perMinute(1)
        limiter.take(for: 1, of: limit, at: time(0))
        limiter.take(for: 2, of: limit, at: time(50_000))
        limiter.take(for: 3, of: limit, at: time(60_000))
        #expect(limiter.wait(for: 1, of: limit, at: time(60_000)) == nil)
        #expect(limiter.wait(for: 2, of: limit, at: time(60_000)) == 50_000)
        limiter.take(for: 4, of: limit, at: time(60_000))
        #expect([2, 3].map { limiter.wait(for: $0, of: limit, at: time(60_000)) } == [nil, nil])
        #expect(limiter.wait(for: 4, of: limit, at: time(60_000)) == 60_000)
    }
}
