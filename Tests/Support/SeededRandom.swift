public import MLSCrypto
import Synchronization

extension RandomSource {
    /// The same bytes for the same seed, one after the other, whoever asks: the bytes of SplitMix64.
    public static func seeded(_ seed: UInt64) -> RandomSource {
        let generator = SplitMix64(seed)
        return RandomSource { bytes in
            for offset in 0..<bytes.byteCount {
                bytes.storeBytes(of: UInt8(truncatingIfNeeded: generator.next()), toByteOffset: offset, as: UInt8.self)
            }
        }
    }
}

private final class SplitMix64: Sendable {
    private let state: Mutex<UInt64>

    init(_ seed: UInt64) { state = Mutex(seed) }

    func next() -> UInt64 {
        var word = state.withLock { state in
            state &+= 0x9e37_79b9_7f4a_7c15
            return state
        }
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
