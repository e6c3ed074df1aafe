import MLSCrypto
import Synchronization

/// Bytes that are the same after each `restart`, so that an input does the same each time.
final class Randomness: Sendable {
    private let state = Mutex<UInt64>(0)

    func restart(_ seed: UInt64) { state.withLock { $0 = seed } }

    var source: RandomSource {
        RandomSource { [self] bytes in
            for offset in 0..<bytes.byteCount {
                bytes.storeBytes(of: next(), toByteOffset: offset, as: UInt8.self)
            }
        }
    }

    /// SplitMix64.
    private func next() -> UInt8 {
        var word = state.withLock { state in
            state &+= 0x9e37_79b9_7f4a_7c15
            return state
        }
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return UInt8(truncatingIfNeeded: word ^ (word >> 31))
    }
}
