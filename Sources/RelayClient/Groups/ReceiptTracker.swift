internal import RelayWire
internal import TLSPresentation

/// Follows who was given, and who has stored, the messages that this device sent to a group: PROTOCOL.md section 7.12.
///
/// Each event is about a message and all of this device's before it, comes once, and in the order of messages. A value:
/// part of the group's durable record.
struct ReceiptTracker: TLSCodable, Hashable, Sendable {
    enum Event: Hashable, Sendable {
        /// The message went to a connection of the member; of all where nil.
        case delivered(MessageID, to: ClientNumber?)
        /// The member has stored the message; all have where nil.
        case acknowledged(MessageID, by: ClientNumber?)
    }

    /// Those that not all have stored yet, in ascending order; at most `maxMessageCount`.
    private(set) var messages: [SentMessage] = []
    /// What the relay has said of members, at most `maxMemberCount` of them.
    private var members: [ClientNumber: TrackedMember] = [:]
    /// What it has said of all.
    private var all = Positions()

    /// Beyond this many the oldest is given up; what is told of the next one is true of it too.
    private static let maxMessageCount = 1024
    /// Beyond this many, no more are followed one by one: with 40 bytes each, the record is written often.
    private static let maxMemberCount = 1024

    init() {}

    /// A message of this device has its place in the log.
    /// - Returns: what the relay has said already that tells of it.
    mutating func add(_ id: MessageID, at entry: SequenceNumber) -> [Event] {
        guard !messages.contains(where: { $0.entry == entry }) else { return [] }
        let message = SentMessage(entry: entry, id: id)
        messages.insert(message, at: messages.firstIndex { $0.entry > entry } ?? messages.endIndex)
        if messages.count > Self.maxMessageCount { messages.removeFirst() }
        defer { dropFinished() }
        // Where a later message was told of already, that was said of this one too.
        let followers = members.values.filter { $0.isFollowing(entry) }.sorted { $0.client < $1.client }
        let ofMembers = followers.flatMap { events(from: Positions(), to: $0.positions, $0.client) }
        let ofAll = events(from: Positions(), to: all, nil)
        return (ofMembers + ofAll).filter { $0.id == id }
    }

    /// A member is in the group since an entry; what was sent before does not reach it.
    /// - Returns: what the relay has said already that tells of it, where this is the first time.
    mutating func join(_ client: ClientNumber, at entry: SequenceNumber) -> [Event] {
        guard members[client] != nil || members.count < Self.maxMemberCount else { return [] }
        var member = members[client] ?? TrackedMember(client: client)
        let isNew = member.joined == nil
        member.joined = max(member.joined ?? entry, entry)
        members[client] = member
        guard isNew else { return [] }
        let before = Positions(delivered: entry, acknowledged: entry)
        return events(from: before, to: member.positions, client)
    }

    /// A member is not in the group any more.
    mutating func leave(_ client: ClientNumber) { members[client] = nil }

    /// The relay says how far members are. Of those that `join` was not called for, nothing is told until it is.
    mutating func receive(_ receipts: Receipts) -> [Event] {
        var events: [Event] = []
        for position in receipts.positions {
            events += advance(position.client, to: Positions(position))
        }
        let before = all
        all.advance(to: Positions(delivered: receipts.deliveredByAll, acknowledged: receipts.acknowledgedByAll))
        events += self.events(from: before, to: all, nil)
        dropFinished()
        return events
    }

    private mutating func advance(_ client: ClientNumber, to positions: Positions) -> [Event] {
        guard members[client] != nil || members.count < Self.maxMemberCount else { return [] }
        var member = members[client] ?? TrackedMember(client: client)
        var before = member.positions
        member.positions.advance(to: positions)
        members[client] = member
        guard let joined = member.joined else { return [] }
        before.advance(to: Positions(delivered: joined, acknowledged: joined))
        return events(from: before, to: member.positions, client)
    }

    /// What is told where a member, or all, went from `before` to `after`.
    private func events(from before: Positions, to after: Positions, _ client: ClientNumber?) -> [Event] {
        let delivered = last(after: before.delivered, through: after.delivered)
        let acknowledged = last(after: before.acknowledged, through: after.acknowledged)
        return [
            delivered.map { .delivered($0.id, to: client) }, acknowledged.map { .acknowledged($0.id, by: client) },
        ].compactMap(\.self)
    }

    /// This device's last message behind `start`, up to `end`.
    private func last(after start: SequenceNumber, through end: SequenceNumber) -> SentMessage? {
        // Most are where they were.
        guard start < end, let message = messages.last(where: { $0.entry <= end }) else { return nil }
        return message.entry > start ? message : nil
    }

    /// What all have stored needs no more.
    private mutating func dropFinished() {
        let end = min(all.delivered, all.acknowledged)
        messages.removeAll { $0.entry <= end }
    }

    // MARK: Bytes

    /// ```
    /// struct { SentMessage messages<V>; TrackedMember members<V>; Positions all; } ReceiptTracker;
    /// ```
    init(from reader: inout Reader) throws(DecodingError) {
        messages = try reader.vector()
        guard messages.count <= Self.maxMessageCount, Self.isAscending(messages.map(\.entry)) else {
            throw reader.error(.invalidField("ReceiptTracker.messages"))
        }
        let members: [TrackedMember] = try reader.vector()
        guard members.count <= Self.maxMemberCount, Self.isAscending(members.map(\.client)) else {
            throw reader.error(.invalidField("ReceiptTracker.members"))
        }
        for member in members { self.members[member.client] = member }
        all = try Positions(from: &reader)
    }

    private static func isAscending<Number: Identifier>(_ numbers: [Number]) -> Bool {
        zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 }
    }

    func encode(into writer: inout Writer) {
        writer.vector(messages)
        writer.vector(members.values.sorted { $0.client < $1.client })
        all.encode(into: &writer)
    }
}

extension ReceiptTracker.Event {
    /// The message that it is about.
    var id: MessageID {
        switch self {
        case .delivered(let id, to: _), .acknowledged(let id, by: _): id
        }
    }
}
