@testable import RelayClient
@testable import mlsrelay_chat

/// Groups, people and events for tests, without a relay.
enum Samples {
    static let choir = GroupID([0xc0, 1, 2, 3])
    static let club = GroupID([0xc1, 1, 2, 3])

    static func fingerprint(_ byte: UInt8) -> Fingerprint { Fingerprint(Array(repeating: byte, count: 32)) }
    static func message(_ byte: UInt8) -> MessageID { MessageID(Array(repeating: byte, count: 16)) }

    static let alice = Member(user: "alice", device: "laptop", fingerprint: fingerprint(0xa1), isThisDevice: true)
    static let bob = Member(user: "bob", device: "phone", fingerprint: fingerprint(0xb0), isThisDevice: false)
    static let nameless = Member(user: "carol", device: "", fingerprint: fingerprint(0xca), isThisDevice: false)
    /// Somebody who has chosen names to deceive with.
    static let mallory = Member(
        user: "bob: hi\u{1b}[2J", device: "\u{202e}x", fingerprint: fingerprint(0xee), isThisDevice: false)

    /// 14:02 UTC on some day.
    static let time = RelayTime(milliseconds: 1_763_733_720_000)

    static func event(_ kind: GroupEvent.Kind, in group: GroupID = choir) -> GroupEvent {
        GroupEvent(position: EventPosition(rawValue: 1), group: group, time: time, sequenceNumber: 7, kind: kind)
    }

    static func said(_ text: String, by sender: Member, _ id: UInt8 = 1) -> GroupEvent.Kind {
        .message(Message(id: message(id), sender: sender, contentType: Message.text, body: Array(text.utf8)))
    }

    /// The line of an event in the group "choir".
    static func line(_ kind: GroupEvent.Kind, in group: GroupID = choir) -> ChatLine? {
        EventText.line(event(kind, in: group), groupName: "choir")
    }

    static var status: ChatStatus {
        var status = ChatStatus(user: "alice", device: "laptop", connection: .ready)
        status.present = ChatStatus.GroupSummary(id: choir, name: "choir", epoch: 5, userCount: 2)
        return status
    }
}
