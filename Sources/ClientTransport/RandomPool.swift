import MLSCrypto

/// Masks for WebSocket frames, from random bytes that are fetched in bulk. One thread at a time.
final class RandomPool {
    private static let byteCount = 4096
    private var bytes: [UInt8] = []

    /// A mask that nobody can foretell, as its four bytes lie in memory. RFC 6455 section 10.3.
    func nextMask() -> UInt32 {
        if bytes.isEmpty { bytes = randomBytes(Self.byteCount) }
        var mask: UInt32 = 0
        for _ in 0..<4 { mask = mask << 8 | UInt32(bytes.removeLast()) }
        return mask
    }
}
