import Histogram

/// Latencies, in nanoseconds. One thread at a time.
///
/// Neighbours that are the same are recorded together: messages that left in one turn of the loop and came back in one.
final class Latency {
    /// For the hot path: plain memory.
    let recorder: UnsafeMutablePointer<LatencyRecorder>

    init() {
        recorder = .allocate(capacity: 1)
        recorder.initialize(to: LatencyRecorder())
    }

    deinit {
        recorder.deinitialize(count: 1)
        recorder.deallocate()
    }

    func record(_ nanoseconds: UInt64) { recorder.pointee.add(nanoseconds) }

    func reset() { recorder.pointee = LatencyRecorder() }

    /// Percentiles, in microseconds; nil where nothing was recorded.
    var summary: Summary? {
        recorder.pointee.flush()
        let histogram = recorder.pointee.histogram
        guard histogram.totalCount > 0 else { return nil }
        func microseconds(_ percentile: Double) -> Double { Double(histogram.valueAtPercentile(percentile)) / 1000 }
        return Summary(
            count: histogram.totalCount, p50: microseconds(50), p99: microseconds(99), p999: microseconds(99.9),
            max: microseconds(100))
    }

    struct Summary {
        let count: UInt64
        let p50: Double
        let p99: Double
        let p999: Double
        let max: Double
    }
}

struct LatencyRecorder {
    /// From 128 ns to 1,000 s, with an error of at most a thousandth.
    fileprivate var histogram = Histogram<UInt64>(
        lowestDiscernibleValue: 128, highestTrackableValue: 1_000_000_000_000, numberOfSignificantValueDigits: .three)
    private var value: UInt64 = 0
    private var count: UInt64 = 0

    @inline(__always)
    mutating func add(_ nanoseconds: UInt64) {
        if nanoseconds == value {
            count += 1
        } else {
            flush()
            value = nanoseconds
            count = 1
        }
    }

    mutating func flush() {
        if count > 0 { histogram.record(value, count: count) }
        count = 0
    }
}
