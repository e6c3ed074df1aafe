public import RelayWire
import TLSPresentation

/// How often something may be done: `count` times at once, and then as often in each `milliseconds`.
public struct RateLimit: Hashable, Sendable {
    /// 0 for no limit.
    public var count: Int
    public var milliseconds: UInt64

    public init(_ count: Int, inMilliseconds milliseconds: UInt64) {
        self.count = count
        self.milliseconds = milliseconds
    }
    public static func perMinute(_ count: Int) -> RateLimit { RateLimit(count, inMilliseconds: 60_000) }
}

/// A token bucket for each key, in memory: whoever has taken `count` tokens waits until some have come back.
///
/// It knows no clock: the time is the command's. What it remembers is lost with the process, and is bounded: where there
/// are too many keys, those whose buckets are full again are forgotten, and if that is not enough, all.
///
/// Invariant: a bucket is the time at which it will be full again; there is none for a full one, sooner or later.
public struct RateLimiter<Key: Hashable & Sendable>: Sendable {
    /// In microseconds, so that a token of a large bucket is not for nothing.
    private var fullAgain: [Key: UInt64] = [:]
    private let maxKeyCount: Int

    /// - Parameter maxKeyCount: of keys that are remembered, about 50 bytes each and what a key has.
    public init(maxKeyCount: Int = 100_000) { self.maxKeyCount = maxKeyCount }

    /// How many milliseconds it takes until `count` tokens are there; nil where they are now.
    /// - Parameter count: more than the bucket holds is as much as it holds.
    public func wait(for key: Key, _ count: Int = 1, of limit: RateLimit, at now: Timestamp) -> UInt64? {
        guard limit.count > 0 else { return nil }
        let missing = missing(key, limit, now)
        let needed = min(cost(of: count, limit), limit.microseconds)
        guard missing > limit.microseconds - needed else { return nil }
        return (missing - (limit.microseconds - needed) + 999) / 1000
    }

    /// Takes tokens, which the caller has seen to be there.
    public mutating func take(_ count: Int = 1, for key: Key, of limit: RateLimit, at now: Timestamp) {
        guard limit.count > 0 else { return }
        let missing = missing(key, limit, now)
        if fullAgain[key] == nil, fullAgain.count >= maxKeyCount { forget(at: now) }
        fullAgain[key] = now.rawValue &* 1000 &+ min(missing &+ cost(of: count, limit), limit.microseconds)
    }

    /// How long it would take to fill the bucket. A clock that goes back makes nobody wait longer than an empty bucket does.
    private func missing(_ key: Key, _ limit: RateLimit, _ now: Timestamp) -> UInt64 {
        guard let time = fullAgain[key], time > now.rawValue &* 1000 else { return 0 }
        return min(time - now.rawValue &* 1000, limit.microseconds)
    }

    private func cost(of count: Int, _ limit: RateLimit) -> UInt64 {
        // More than the bucket holds is as much as it holds.
        UInt64(min(count, limit.count)) * limit.microseconds / UInt64(limit.count)
    }

    private mutating func forget(at now: Timestamp) {
        fullAgain = fullAgain.filter { $0.value > now.rawValue &* 1000 }
        if fullAgain.count >= maxKeyCount { fullAgain.removeAll(keepingCapacity: true) }
    }
}

extension RateLimit {
    fileprivate var microseconds: UInt64 { milliseconds &* 1000 }
}

extension RelayError {
    /// - Parameter setting: the name of the operator's setting.
    public static func rateLimited(
        _ setting: String, _ text: String, retryAfter milliseconds: UInt64
    ) -> RelayError {
        let detail = RetryDetail(retryAfterMilliseconds: UInt32(clamping: milliseconds), limit: Array(setting.utf8))
        return RelayError(.rateLimited, text, detail: detail.encoded)
    }
}
