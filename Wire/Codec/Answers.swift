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
    /// What a program needs to go on, by `code`: an `EpochDetail` or a `VersionDetail`, else empty.
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
/// struct { uint64 log; uint64 epoch; uint64 commit_seq; } EpochDetail;
/// ```
public struct EpochDetail: TLSCodable, Hashable, Sendable {
    public var log: LogNumber
    /// The epoch that the group is in.
    public var epoch: Epoch
    /// Where the commit stands that ended the epoch of the refused message; 0 where there is none.
    public var commit: SequenceNumber

    public init(log: LogNumber, epoch: Epoch, commit: SequenceNumber) {
        self.log = log
        self.epoch = epoch
        self.commit = commit
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        epoch = try Epoch(from: &reader)
        commit = try SequenceNumber(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        epoch.encode(into: &writer)
        commit.encode(into: &writer)
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
