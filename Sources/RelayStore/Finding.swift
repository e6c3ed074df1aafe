import RelayCore
public import RelayWire
import TLSPresentation

/// Something in a store that is not as it must be.
public struct Finding: Hashable, Sendable {
    /// What is wrong.
    public enum Problem: String, Hashable, Sendable, CaseIterable {
        // Values and rows.
        /// A key or value is not an encoding of what its table holds.
        case undecodable
        /// A row is not there that another one requires.
        case missing
        /// A row is there that nothing accounts for.
        case stray
        /// Two places that say the same thing say different things.
        case contradiction

        // Entries.
        /// Entries between the first and the last are not there.
        case missingEntries
        /// An entry stands before the first, behind the last, or in no log.
        case strayEntry
        /// The stored hash is not that of the payload.
        case payloadHash
        /// The chain hash does not follow from the entry before.
        case chain
        /// An entry is older than the one before.
        case time
        /// An entry, its message or its sender does not belong into this log.
        case misplaced
        /// The payload is not what its kind says.
        case malformedPayload

        // What follows from the entries.
        /// The head does not follow from the entries.
        case head
        /// A commit or message is not of an epoch that the group was in.
        case epoch
        /// A KeyPackage was handed out that was not there, or twice, or may be.
        case handedOut
        /// A client has acknowledged what the log does not have.
        case acknowledgedAhead
    }

    public var problem: Problem
    /// The name of the table where it was seen.
    public var table: String
    public var log: LogNumber?
    public var sequenceNumber: SequenceNumber?
    /// The row, where a log and a sequence number do not say it.
    public var row: String?
    public var expected: String
    public var found: String

    init(
        _ problem: Problem, _ table: TableName, log: LogNumber? = nil, at sequenceNumber: SequenceNumber? = nil,
        row: String? = nil, expected: String, found: String
    ) {
        self.init(problem, table: table.rawValue, log, sequenceNumber, row, expected, found)
    }

    init(
        _ problem: Problem, _ table: RecordTable, log: LogNumber? = nil, at sequenceNumber: SequenceNumber? = nil,
        row: String? = nil, expected: String, found: String
    ) {
        self.init(problem, table: table.name, log, sequenceNumber, row, expected, found)
    }

    private init(
        _ problem: Problem, table: String, _ log: LogNumber?, _ sequenceNumber: SequenceNumber?, _ row: String?,
        _ expected: String, _ found: String
    ) {
        self.problem = problem
        self.table = table
        self.log = log
        self.sequenceNumber = sequenceNumber
        self.row = row
        self.expected = expected
        self.found = found
    }

    /// Where it was seen: "entries, log 7, entry 12".
    public var place: String {
        var place = table
        if let log { place += ", log \(log)" }
        if let sequenceNumber { place += ", entry \(sequenceNumber)" }
        if let row { place += ", \(row)" }
        return place
    }
}

extension Finding: CustomStringConvertible {
    public var description: String { "\(place): \(problem.rawValue): expected \(expected), found \(found)" }
}
