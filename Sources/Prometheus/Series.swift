import CoreMetrics
import Synchronization

/// A number that only grows.
final class CounterSeries: CounterHandler, Sendable {
    private let total = Atomic<Int64>(0)

    func increment(by amount: Int64) { total.wrappingAdd(amount, ordering: .relaxed) }
    func reset() { total.store(0, ordering: .relaxed) }

    var value: Int64 { total.load(ordering: .relaxed) }
}

/// A number that only grows, in fractions.
final class FractionalCounterSeries: FloatingPointCounterHandler, Sendable {
    private let total = AtomicDouble()

    func increment(by amount: Double) { total.add(amount) }
    func reset() { total.store(0) }

    var value: Double { total.value }
}

/// A number that is what it was set to last.
final class GaugeSeries: MeterHandler, RecorderHandler, Sendable {
    private let number = AtomicDouble()

    func set(_ value: Int64) { number.store(Double(value)) }
    func set(_ value: Double) { number.store(value) }
    func increment(by amount: Double) { number.add(amount) }
    func decrement(by amount: Double) { number.add(-amount) }
    func record(_ value: Int64) { set(value) }
    func record(_ value: Double) { set(value) }

    var value: Double { number.value }
}

/// How many of the observed values lay below each of some bounds, and their sum.
///
/// A scrape beside an observation may see it in the buckets and not yet in the sum; the next one has both.
final class HistogramSeries: RecorderHandler, TimerHandler, Sendable {
    /// Upper bounds, ascending; a value that equals one lies below it. Behind the last there is one more bucket for the rest.
    let bounds: [Double]
    // Immutable; what it points to are atomics.
    private nonisolated(unsafe) let counts: UnsafeMutablePointer<Atomic<Int>>
    private let sum = AtomicDouble()

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = .allocate(capacity: bounds.count + 1)
        for index in 0...bounds.count { (counts + index).initialize(to: Atomic(0)) }
    }

    deinit {
        counts.deinitialize(count: bounds.count + 1)
        counts.deallocate()
    }

    func record(_ value: Double) {
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        counts[bucket].wrappingAdd(1, ordering: .relaxed)
        sum.add(value)
    }

    func record(_ value: Int64) { record(Double(value)) }
    /// Prometheus' unit of time is the second.
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    /// The values in each bucket alone, the last for what lies above all bounds; and their sum.
    var snapshot: (counts: [Int], sum: Double) {
        ((0...bounds.count).map { counts[$0].load(ordering: .relaxed) }, sum.value)
    }
}

/// A Double that any thread may change.
private struct AtomicDouble: ~Copyable {
    private let bits = Atomic<UInt64>(0)

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func store(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    func add(_ amount: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (exchanged, original) = bits.compareExchange(expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = original
        }
    }
}
