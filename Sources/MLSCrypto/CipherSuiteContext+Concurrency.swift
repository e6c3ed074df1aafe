import Dispatch
import Synchronization

extension CipherSuiteContext {
    /// What `body` makes of each number below `count`, on as many threads at a time: for what costs as much as a key
    /// agreement. Each thread has a context of its own.
    /// - Parameter body: called by several threads at a time.
    /// - Throws: what `body` throws, for one of the numbers.
    public mutating func concurrentMap<Output: Sendable>(
        count: Int, threadCount: Int,
        _ body: @Sendable (Int, inout CipherSuiteContext) throws(CryptoError) -> Output
    ) throws(CryptoError) -> [Output] {
        // For a few it is not worth the contexts.
        let chunkCount = max(1, min(threadCount, count / 8))
        if chunkCount == 1 { return try map(0..<count, body) }
        let chunks = Mutex<[Int: Result<[Output], CryptoError>]>([:])
        let (suite, randomSource) = (suite, randomSource)
        DispatchQueue.concurrentPerform(iterations: chunkCount) { chunk in
            let numbers = count * chunk / chunkCount..<count * (chunk + 1) / chunkCount
            let result: Result<[Output], CryptoError>
            do throws(CryptoError) {
                var crypto = try CipherSuiteContext(suite, randomSource: randomSource)
                result = .success(try crypto.map(numbers, body))
            } catch {
                result = .failure(error)
            }
            chunks.withLock { $0[chunk] = result }
        }
        let results = chunks.withLock { $0 }
        var outputs: [Output] = []
        outputs.reserveCapacity(count)
        for chunk in 0..<chunkCount {
            guard let result = results[chunk] else { preconditionFailure("all chunks are done") }
            outputs += try result.get()
        }
        return outputs
    }

    private mutating func map<Output>(
        _ numbers: Range<Int>, _ body: (Int, inout CipherSuiteContext) throws(CryptoError) -> Output
    ) throws(CryptoError) -> [Output] {
        var outputs: [Output] = []
        outputs.reserveCapacity(numbers.count)
        for number in numbers { outputs.append(try body(number, &self)) }
        return outputs
    }
}
