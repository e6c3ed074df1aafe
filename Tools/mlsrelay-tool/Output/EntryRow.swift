import MLSCrypto
import RelayWire
import TLSPresentation

/// An entry as a line of a table and as a JSON object.
struct EntryRow {
    var number: SequenceNumber
    var cells: [String]
    var json: JSON

    static let columns: [Table.Column] = [
        .init(title: "ENTRY", alignment: .right), .init(title: "TIME"), .init(title: "SENDER", isCut: true),
        .init(title: "BYTES", alignment: .right), .init(title: "WHAT", isCut: true),
    ]

    init(_ entry: Entry, _ summary: EntrySummary, sender: String, includesPayload: Bool) {
        let header = entry.header
        number = header.sequenceNumber
        cells = ["\(header.sequenceNumber)", header.time.text, sender, "\(entry.payload.count)", summary.what]
        var members: [JSON.Member] = [
            .init(name: "log", value: .number(header.log.rawValue)),
            .init(name: "seq", value: .number(header.sequenceNumber.rawValue)),
            .init(name: "time", value: .number(header.time.rawValue)),
            .init(name: "sender", value: .number(header.sender.rawValue)),
            .init(name: "sender_name", value: .string(sender)),
            .init(name: "kind", value: .string(header.kind.description)),
            .init(name: "chain", value: .hex(entry.chain.bytes)),
            .init(name: "byte_count", value: .number(UInt64(entry.payload.count))),
            .init(name: "content", value: .object(summary.members)),
        ]
        if includesPayload { members.append(.init(name: "payload", value: .hex(entry.payload))) }
        json = .object(members)
    }

    init(damaged error: DecodingError, _ log: LogNumber, _ number: SequenceNumber, _ byteCount: Int) {
        self.number = number
        cells = ["\(number)", "", "", "\(byteCount)", "damaged: \(error)"]
        json = [
            "log": .number(log.rawValue), "seq": .number(number.rawValue), "kind": "damaged",
            "error": .string("\(error)"),
        ]
    }
}
