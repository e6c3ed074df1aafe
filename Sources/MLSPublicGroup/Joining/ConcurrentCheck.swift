import Dispatch
import Synchronization

/// Calls `check` for each number below `count`, on as many threads, and waits for all.
///
/// Each thread takes a chunk and leaves it at its first error; the error of the lowest chunk is thrown.
/// - Parameter check: called by several threads at a time.
func concurrentCheck(
    count: Int, threadCount: Int, _ check: @Sendable (Int) throws(GroupError) -> Void
) throws(GroupError) {
    let chunkCount = max(1, min(threadCount, count))
    if chunkCount == 1 {
        for number in 0..<count { try check(number) }
        return
    }
    let errors = Mutex<[Int: GroupError]>([:])
    DispatchQueue.concurrentPerform(iterations: chunkCount) { chunk in
        do throws(GroupError) {
            for number in count * chunk / chunkCount..<count * (chunk + 1) / chunkCount { try check(number) }
        } catch {
            errors.withLock { $0[chunk] = error }
        }
    }
    let first = errors.withLock { errors in errors.min { $0.key < $1.key }?.value }
    if let first { throw first }
}
