import MLSCrypto
import RelayCore
import RelayWire

/// How a `LogHead` is stored, 73 bytes, big-endian:
/// ```
/// struct { LogKind kind; uint64 first; uint64 last; uint64 epoch; uint64 creator; uint64 time; opaque chain[32]; }
/// ```
enum HeadRecord {
    static let byteCount = 1 + 5 * 8 + 32

    static func write(_ head: LogHead, to target: UnsafeMutableRawPointer) {
        target.storeBytes(of: head.kind.rawValue, as: UInt8.self)
        let numbers = (
            head.first.rawValue.bigEndian, head.last.rawValue.bigEndian, head.epoch.rawValue.bigEndian,
            head.creator.rawValue.bigEndian, head.time.rawValue.bigEndian
        )
        withUnsafeBytes(of: numbers) {
            (target + 1).copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(target), byteCount: 40)
        }
        head.chain.copyBytes(to: target + 41)
    }

    static func read(_ bytes: UnsafeRawBufferPointer, log: LogNumber) throws(StoreError) -> LogHead {
        guard bytes.count == byteCount, let kind = LogKind(rawValue: bytes[0]) else {
            throw .corrupted("the head of log \(log) is not one")
        }
        func number(_ index: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 1 + 8 * index, as: UInt64.self))
        }
        let first = number(0)
        let last = number(1)
        // Nobody who computes with these needs to think of overflow.
        guard last < UInt64.max, (1...last + 1).contains(first) else {
            throw .corrupted("the head of log \(log) says that it has the entries \(first) to \(last)")
        }
        return LogHead(
            number: log, kind: kind, first: SequenceNumber(rawValue: first), last: SequenceNumber(rawValue: last),
            epoch: Epoch(rawValue: number(2)), creator: ClientNumber(rawValue: number(3)),
            time: Timestamp(rawValue: number(4)),
            chain: SHA256Digest(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: bytes[41...]))))
    }
}

/// How an entry is stored: `opaque payload_hash[32]`, then the frame that subscribers receive.
///
/// The hash serves to find messages that are published again, and lets the chain be verified where a payload is gone.
enum EntryRecord {
    static let hashByteCount = 32

    /// The hash in a stored record.
    /// - Precondition: the record has more than `hashByteCount` bytes; the snapshot's reads look after that.
    static func payloadHash(_ record: UnsafeRawBufferPointer) -> SHA256Digest {
        SHA256Digest(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: record[..<hashByteCount])))
    }

    /// The frame in a stored record.
    static func frame(_ record: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: record.dropFirst(hashByteCount))
    }
}
