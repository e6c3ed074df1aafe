public import RelayWire
import TLSPresentation

/// What the relay does when its time has come, without being asked.
public enum Deadline: Hashable, Sendable {
    /// An invitation expires.
    case invitation(InvitationNumber)
    /// A client's credential nears its end.
    case credential(ClientNumber)
    /// Application messages of a group are over.
    case retention(LogNumber)

    fileprivate var kind: UInt8 {
        switch self {
        case .invitation: 1
        case .credential: 2
        case .retention: 3
        }
    }

    fileprivate var number: UInt64 {
        switch self {
        case .invitation(let number): number.rawValue
        case .credential(let client): client.rawValue
        case .retention(let log): log.rawValue
        }
    }
}

/// time, kind, number: 17 bytes, so that what is due first is first.
public struct DeadlineKey: RecordKey {
    public var time: Timestamp
    public var deadline: Deadline

    public init(_ time: Timestamp, _ deadline: Deadline) {
        self.time = time
        self.deadline = deadline
    }
    public var recordKey: [UInt8] { time.recordKey + [deadline.kind] + deadline.number.bigEndianBytes }
    public init?(recordKey: [UInt8]) {
        guard recordKey.count == 17 else { return nil }
        time = Timestamp(rawValue: recordKey.bigEndianNumber(at: 0))
        let number = recordKey.bigEndianNumber(at: 9)
        switch recordKey[8] {
        case 1: deadline = .invitation(InvitationNumber(rawValue: number))
        case 2: deadline = .credential(ClientNumber(rawValue: number))
        case 3: deadline = .retention(LogNumber(rawValue: number))
        default: return nil
        }
    }
}

extension Relay {
    /// Notes that something is to be done at a time. What is done then looks whether it still has to be: nothing is
    /// taken back here.
    mutating func set(_ deadline: Deadline, at time: Timestamp) throws(State.Failure) {
        try state.mark(Tables.deadlines, DeadlineKey(time, deadline))
    }

    /// When there is something to do next; nil for never.
    public func nextDeadline() throws(State.Failure) -> Timestamp? {
        try state.keys(Tables.deadlines, limit: 1).first?.time
    }

    /// Does what is due.
    /// - Parameter limit: how much of it at once: others wait meanwhile.
    /// - Returns: when there is something to do next, which may be now; nil for never.
    public mutating func passTime(at now: Timestamp, limit: Int = 100) throws(State.Failure) -> Timestamp? {
        retentionBudget = limits.maxEntriesPerRetention
        for key in try state.keys(Tables.deadlines, limit: limit) {
            guard key.time <= now else { break }
            try state.remove(Tables.deadlines, key)
            switch key.deadline {
            case .invitation(let number): try expire(number, at: now)
            case .credential(let client): try expireCredential(of: client, at: now)
            case .retention(let log): try retain(log, at: now)
            }
        }
        return try nextDeadline()
    }
}
