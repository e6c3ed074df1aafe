import Glibc

/// Clocks, in microseconds.
enum Clock {
    /// Processor time of this thread.
    static var processor: Double { now(CLOCK_THREAD_CPUTIME_ID) }
    static var wall: Double { now(CLOCK_MONOTONIC) }

    private static func now(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
    }
}

/// How long calls took, in batches; what counts is the best batch, because all that disturbs a measurement adds to it.
struct Timing {
    private(set) var processor = Double.infinity
    private(set) var wall = Double.infinity
    private let batchSize: Int
    private var (batchProcessor, batchWall, batchCount) = (0.0, 0.0, 0)

    /// - Parameter batchSize: how many calls are averaged.
    init(batchSize: Int) { self.batchSize = batchSize }

    mutating func measure<Result: ~Copyable>(_ body: () throws -> Result) rethrows -> Result {
        let (wallStart, start) = (Clock.wall, Clock.processor)
        let result = try body()
        batchProcessor += Clock.processor - start
        batchWall += Clock.wall - wallStart
        batchCount += 1
        if batchCount == batchSize {
            processor = min(processor, batchProcessor / Double(batchSize))
            wall = min(wall, batchWall / Double(batchSize))
            (batchProcessor, batchWall, batchCount) = (0, 0, 0)
        }
        return result
    }
}
