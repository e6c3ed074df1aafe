public import RelayWire
import TLSPresentation

/// What a record is found by. Keys are at most 511 bytes, which is what LMDB takes, and at least 1.
public protocol RecordKey: Hashable, Sendable {
    var recordKey: [UInt8] { get }
    /// Nil for bytes that are no such key.
    init?(recordKey: [UInt8])
}

extension Identifier {
    public var recordKey: [UInt8] { rawValue.bigEndianBytes }
    public init?(recordKey: [UInt8]) {
        guard recordKey.count == 8 else { return nil }
        self.init(rawValue: recordKey.bigEndianNumber(at: 0))
    }
}

extension LogNumber: RecordKey {}
extension ClientNumber: RecordKey {}
extension SequenceNumber: RecordKey {}
extension UserNumber: RecordKey {}
extension InvitationNumber: RecordKey {}
extension TokenNumber: RecordKey {}

/// Two numbers, ordered by the first.
public struct PairKey<First: Identifier, Second: Identifier>: RecordKey {
    public var first: First
    public var second: Second

    public init(_ first: First, _ second: Second) {
        self.first = first
        self.second = second
    }
    public var recordKey: [UInt8] { first.recordKey + second.recordKey }
    public init?(recordKey: [UInt8]) {
        guard recordKey.count == 16 else { return nil }
        first = First(rawValue: recordKey.bigEndianNumber(at: 0))
        second = Second(rawValue: recordKey.bigEndianNumber(at: 8))
    }
}

/// Three numbers, ordered by the first, then the second.
public struct TripleKey<First: Identifier, Second: Identifier, Third: Identifier>: RecordKey {
    public var first: First
    public var second: Second
    public var third: Third

    public init(_ first: First, _ second: Second, _ third: Third) {
        self.first = first
        self.second = second
        self.third = third
    }
    public var recordKey: [UInt8] { first.recordKey + second.recordKey + third.recordKey }
    public init?(recordKey: [UInt8]) {
        guard recordKey.count == 24 else { return nil }
        first = First(rawValue: recordKey.bigEndianNumber(at: 0))
        second = Second(rawValue: recordKey.bigEndianNumber(at: 8))
        third = Third(rawValue: recordKey.bigEndianNumber(at: 16))
    }
}

/// Bytes that order themselves: a name, a hash.
public struct BytesKey: RecordKey {
    public var bytes: [UInt8]
    public init(_ bytes: [UInt8]) { self.bytes = bytes }
    public var recordKey: [UInt8] { bytes }
    public init?(recordKey: [UInt8]) { bytes = recordKey }
}

extension UInt64 {
    var bigEndianBytes: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: self >> (56 - 8 * $0)) } }
}

extension [UInt8] {
    /// The number in the 8 bytes from `offset` on, which are there.
    func bigEndianNumber(at offset: Int) -> UInt64 { self[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) } }
}
