public import TLSPresentation

/// A request was carried out; there is nothing else to say. PROTOCOL.md section 7.
/// ```
/// struct { } Done;
/// ```
public struct Done: FrameBody {
    public static let type = FrameType.done
    public init() {}
    public init(from reader: inout Reader) throws(DecodingError) {}
    public func encode(into writer: inout Writer) {}
}

/// A request was refused, or, with request id 0, the connection ends. PROTOCOL.md section 8.
/// ```
/// struct { ErrorCode code; opaque text<V>; opaque detail<V>; } Error;
/// ```
public struct RelayError: FrameBody, Error {
    public static let type = FrameType.error
    public var code: ErrorCode
    /// A sentence for people, UTF-8.
    public var text: [UInt8]
    /// What a program needs to go on, by `code`: an `EpochDetail`, a `VersionDetail`, a `RetryDetail` or a `RuleDetail`,
    /// else empty.
    public var detail: [UInt8]

    public init(_ code: ErrorCode, _ text: String, detail: [UInt8] = []) {
        self.code = code
        self.text = Array(text.utf8)
        self.detail = detail
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        code = try ErrorCode(from: &reader)
        text = try reader.opaque()
        detail = try reader.opaque()
    }
    public func encode(into writer: inout Writer) {
        code.encode(into: &writer)
        writer.opaque(text)
        writer.opaque(detail)
    }
}

extension RelayError: CustomStringConvertible {
    public var description: String { "\(code): \(String(decoding: text, as: UTF8.self))" }
}

/// The detail of `stale_epoch` and `future_epoch`. PROTOCOL.md section 8.
/// ```
/// struct { uint64 log; uint64 epoch; uint64 commit_seq; opaque entry<V>; } EpochDetail;
/// ```
public struct EpochDetail: TLSCodable, Hashable, Sendable {
    public var log: LogNumber
    /// The epoch that the group is in.
    public var epoch: Epoch
    /// Where the commit stands that ended the epoch of the refused message; 0 where there is none.
    public var commit: SequenceNumber
    /// That commit's encoded `Entry`, so that the loser goes on at once; empty where there is none, and above 64 KiB.
    public var entry: [UInt8]

    public init(log: LogNumber, epoch: Epoch, commit: SequenceNumber, entry: [UInt8] = []) {
        self.log = log
        self.epoch = epoch
        self.commit = commit
        self.entry = entry
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        epoch = try Epoch(from: &reader)
        commit = try SequenceNumber(from: &reader)
        entry = try reader.opaque(atMost: WireLimits.maxEntryInDetailByteCount, "EpochDetail.entry")
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        epoch.encode(into: &writer)
        commit.encode(into: &writer)
        writer.opaque(entry)
    }
}

/// The detail of `version_unsupported`. PROTOCOL.md section 8.
/// ```
/// struct { ProtocolVersion lowest; ProtocolVersion highest; } VersionDetail;
/// ```
public struct VersionDetail: TLSCodable, Hashable, Sendable {
    public var lowest: ProtocolVersion
    public var highest: ProtocolVersion

    public init(lowest: ProtocolVersion, highest: ProtocolVersion) {
        self.lowest = lowest
        self.highest = highest
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        lowest = try ProtocolVersion(from: &reader)
        highest = try ProtocolVersion(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        lowest.encode(into: &writer)
        highest.encode(into: &writer)
    }
}

/// The detail of `rate_limited`, `quota_exceeded` and `commit_reserved`. PROTOCOL.md section 8.
/// ```
/// struct { uint32 retry_after_ms; opaque limit<V>; } RetryDetail;
/// ```
public struct RetryDetail: TLSCodable, Hashable, Sendable {
    /// When a repetition has a chance, in milliseconds; 0 if time alone does not help.
    public var retryAfterMilliseconds: UInt32
    /// The name of the operator's setting, ASCII.
    public var limit: [UInt8]

    public init(retryAfterMilliseconds: UInt32, limit: [UInt8]) {
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.limit = limit
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        retryAfterMilliseconds = try reader.uint32()
        limit = try reader.opaque()
    }
    public func encode(into writer: inout Writer) {
        writer.integer(retryAfterMilliseconds)
        writer.opaque(limit)
    }
}

/// The detail of the errors that a rule of RFC 9420 gives. PROTOCOL.md section 8.
/// ```
/// struct { opaque rule<V>; } RuleDetail;
/// ```
public struct RuleDetail: TLSCodable, Hashable, Sendable {
    /// The rule's id, ASCII.
    public var rule: [UInt8]

    public init(rule: [UInt8]) { self.rule = rule }
    public init(from reader: inout Reader) throws(DecodingError) { rule = try reader.opaque() }
    public func encode(into writer: inout Writer) { writer.opaque(rule) }
}
