public import MLSCrypto
public import TLSPresentation

/// One log to follow. PROTOCOL.md section 7.3.
/// ```
/// struct { LogName log; uint64 after; uint64 until; } Subscription;
/// ```
public struct Subscription: TLSCodable, Hashable, Sendable {
    /// The name of an inbox or of KeyPackages is empty: a client follows its own only.
    public var log: LogName
    /// The cursor: the last entry that the client has; 0 for none.
    public var after: SequenceNumber
    /// The last entry to push until a Credit says otherwise.
    public var until: SequenceNumber

    public init(log: LogName, after: SequenceNumber, until: SequenceNumber = .unlimited) {
        self.log = log
        self.after = after
        self.until = until
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogName(from: &reader)
        after = try SequenceNumber(from: &reader)
        until = try SequenceNumber(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        after.encode(into: &writer)
        until.encode(into: &writer)
    }
}

/// Follows logs, each from its cursor on. PROTOCOL.md section 7.3.
/// ```
/// struct { Subscription subscriptions<V>; } Subscribe;
/// ```
public struct Subscribe: FrameBody {
    public static let type = FrameType.subscribe
    public var subscriptions: [Subscription]
    public init(subscriptions: [Subscription]) { self.subscriptions = subscriptions }
    public init(from reader: inout Reader) throws(DecodingError) { subscriptions = try reader.vector() }
    public func encode(into writer: inout Writer) { writer.vector(subscriptions) }
}

/// What became of one Subscription. PROTOCOL.md section 7.3.
/// ```
/// struct { ErrorCode error; uint64 log; uint64 first; uint64 last; uint64 epoch; opaque chain[32]; } SubscriptionResult;
/// ```
public struct SubscriptionResult: TLSCodable, Hashable, Sendable {
    /// `none`, or why this log is not followed; the other fields are then 0.
    public var error: ErrorCode
    public var log: LogNumber
    /// The first entry that is kept.
    public var first: SequenceNumber
    /// The last entry there is.
    public var last: SequenceNumber
    /// The epoch of a group; 0 for other logs.
    public var epoch: Epoch
    /// The log's chain hash at `after`.
    public var chain: SHA256Digest

    public init(
        log: LogNumber, first: SequenceNumber, last: SequenceNumber, epoch: Epoch, chain: SHA256Digest
    ) {
        self.error = .none
        self.log = log
        self.first = first
        self.last = last
        self.epoch = epoch
        self.chain = chain
    }

    /// The log is not followed.
    public init(error: ErrorCode) {
        self.init(log: .none, first: .zero, last: .zero, epoch: Epoch(rawValue: 0), chain: .zero)
        self.error = error
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        error = try ErrorCode(from: &reader)
        log = try LogNumber(from: &reader)
        first = try SequenceNumber(from: &reader)
        last = try SequenceNumber(from: &reader)
        epoch = try Epoch(from: &reader)
        chain = try SHA256Digest(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        error.encode(into: &writer)
        log.encode(into: &writer)
        first.encode(into: &writer)
        last.encode(into: &writer)
        epoch.encode(into: &writer)
        chain.encode(into: &writer)
    }
}

/// The answer to Subscribe, a result for each subscription in its order. PROTOCOL.md section 7.3.
/// ```
/// struct { SubscriptionResult results<V>; } Subscribed;
/// ```
public struct Subscribed: FrameBody {
    public static let type = FrameType.subscribed
    public var results: [SubscriptionResult]
    public init(results: [SubscriptionResult]) { self.results = results }
    public init(from reader: inout Reader) throws(DecodingError) { results = try reader.vector() }
    public func encode(into writer: inout Writer) { writer.vector(results) }
}

/// Follows logs no longer. PROTOCOL.md section 7.3.
/// ```
/// struct { uint64 logs<V>; } Unsubscribe;
/// ```
public struct Unsubscribe: FrameBody {
    public static let type = FrameType.unsubscribe
    public var logs: [LogNumber]
    public init(logs: [LogNumber]) { self.logs = logs }
    public init(from reader: inout Reader) throws(DecodingError) { logs = try reader.vector() }
    public func encode(into writer: inout Writer) { writer.vector(logs) }
}

/// A place in a log. PROTOCOL.md section 7.3.
/// ```
/// struct { uint64 log; uint64 seq; } Position;
/// ```
public struct Position: TLSCodable, Hashable, Sendable {
    public var log: LogNumber
    public var sequenceNumber: SequenceNumber
    public init(log: LogNumber, sequenceNumber: SequenceNumber) {
        self.log = log
        self.sequenceNumber = sequenceNumber
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        sequenceNumber = try SequenceNumber(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        sequenceNumber.encode(into: &writer)
    }
}

/// Sets the last entry to push of logs that are followed. PROTOCOL.md section 7.3.
/// ```
/// struct { Position until<V>; } Credit;
/// ```
public struct Credit: FrameBody {
    public static let type = FrameType.credit
    public var until: [Position]
    public init(until: [Position]) { self.until = until }
    public init(from reader: inout Reader) throws(DecodingError) { until = try reader.vector() }
    public func encode(into writer: inout Writer) { writer.vector(until) }
}

/// Says that the client has processed logs up to an entry each. PROTOCOL.md section 7.4.
/// ```
/// struct { Position positions<V>; } Acknowledge;
/// ```
public struct Acknowledge: FrameBody {
    public static let type = FrameType.acknowledge
    public var positions: [Position]
    public init(positions: [Position]) { self.positions = positions }
    public init(from reader: inout Reader) throws(DecodingError) { positions = try reader.vector() }
    public func encode(into writer: inout Writer) { writer.vector(positions) }
}

/// An entry, pushed to a subscriber. PROTOCOL.md section 6.
public struct EntryFrame: FrameBody {
    public static let type = FrameType.entry
    public var entry: Entry
    public init(_ entry: Entry) { self.entry = entry }
    public init(from reader: inout Reader) throws(DecodingError) { entry = try Entry(from: &reader) }
    public func encode(into writer: inout Writer) { entry.encode(into: &writer) }
}
