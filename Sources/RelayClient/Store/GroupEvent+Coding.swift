import RelayWire
import TLSPresentation

/// Events as they are stored. The position is the key.
struct StoredEvent {
    let group: [UInt8]
    let time: UInt64
    let sequenceNumber: UInt64
    let kind: GroupEvent.Kind

    func event(at position: EventPosition) -> GroupEvent {
        GroupEvent(
            position: position, group: GroupID(group), time: RelayTime(milliseconds: time),
            sequenceNumber: sequenceNumber, kind: kind)
    }
}

extension StoredEvent: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        try reader.expectVersion(1, "StoredEvent")
        group = try reader.opaque()
        time = try reader.uint64()
        sequenceNumber = try reader.uint64()
        kind = try GroupEvent.Kind(from: &reader)
    }

    func encode(into writer: inout Writer) {
        writer.integer(1 as UInt8)
        writer.opaque(group)
        writer.integer(time)
        writer.integer(sequenceNumber)
        kind.encode(into: &writer)
    }
}

extension GroupEvent.Kind: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        let start = reader.byteOffset
        switch try reader.uint8() {
        case 1: self = .message(try Message(from: &reader))
        case 2: self = .joined(try Member(from: &reader), by: try reader.optional())
        case 3: self = .left(try Member(from: &reader))
        case 4: self = .removed(try Member(from: &reader), by: try reader.optional())
        case 5: self = .keysUpdated(try Member(from: &reader))
        case 6: self = .renamed(try reader.text(), by: try reader.text())
        case 7:
            self = .roleChanged(user: try reader.text(), try GroupRole(from: &reader), by: try reader.text())
        case 8: self = .policyChanged(GroupPolicySettings(try GroupPolicy(from: &reader)), by: try reader.text())
        case 9: self = .delivered(try MessageID(from: &reader), to: try reader.optional())
        case 10: self = .acknowledged(try MessageID(from: &reader), by: try reader.optional())
        case 11: self = .notSent(try MessageID(from: &reader))
        case 12: self = .undecryptable(sender: try reader.optional(), try Undecryptable(from: &reader))
        case 13: self = .changeVoided(reason: try reader.text())
        case 14: self = .integrityWarning(try IntegrityWarning(from: &reader))
        case 15: self = .rejoined
        case 16: self = .empty
        case 17: self = .ended(try GroupEnd(from: &reader))
        case let kind: throw DecodingError(.unknownValue(type: "GroupEvent", value: UInt64(kind)), at: start)
        }
    }

    private var number: UInt8 {
        switch self {
        case .message: 1
        case .joined: 2
        case .left: 3
        case .removed: 4
        case .keysUpdated: 5
        case .renamed: 6
        case .roleChanged: 7
        case .policyChanged: 8
        case .delivered: 9
        case .acknowledged: 10
        case .notSent: 11
        case .undecryptable: 12
        case .changeVoided: 13
        case .integrityWarning: 14
        case .rejoined: 15
        case .empty: 16
        case .ended: 17
        }
    }

    func encode(into writer: inout Writer) {
        writer.integer(number)
        switch self {
        case .message(let message): message.encode(into: &writer)
        case .joined(let member, let by), .removed(let member, let by):
            member.encode(into: &writer)
            writer.optional(by)
        case .left(let member), .keysUpdated(let member): member.encode(into: &writer)
        case .renamed(let name, let by):
            writer.text(name)
            writer.text(by)
        case .roleChanged(let user, let role, let by):
            writer.text(user)
            role.encode(into: &writer)
            writer.text(by)
        case .policyChanged(let policy, let by):
            policy.wire.encode(into: &writer)
            writer.text(by)
        case .delivered(let id, let member), .acknowledged(let id, let member):
            id.encode(into: &writer)
            writer.optional(member)
        case .notSent(let id): id.encode(into: &writer)
        case .undecryptable(let sender, let reason):
            writer.optional(sender)
            reason.encode(into: &writer)
        case .changeVoided(let reason): writer.text(reason)
        case .integrityWarning(let warning): warning.encode(into: &writer)
        case .rejoined, .empty: break
        case .ended(let end): end.encode(into: &writer)
        }
    }
}

extension Message: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        id = try MessageID(from: &reader)
        sender = try Member(from: &reader)
        contentType = try reader.text()
        body = try reader.opaque()
    }

    func encode(into writer: inout Writer) {
        id.encode(into: &writer)
        sender.encode(into: &writer)
        writer.text(contentType)
        writer.opaque(body)
    }
}

extension MessageID: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        self.init(try reader.bytes(count: GroupPayload.idByteCount))
    }
    func encode(into writer: inout Writer) { writer.raw(bytes) }
}

extension Member: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        user = try reader.text()
        device = try reader.text()
        fingerprint = Fingerprint(try reader.bytes(count: 32))
        isThisDevice = try reader.isPresent()
    }

    func encode(into writer: inout Writer) {
        writer.text(user)
        writer.text(device)
        writer.raw(fingerprint.bytes)
        writer.isPresent(isThisDevice)
    }
}

extension GroupRole: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        let start = reader.byteOffset
        let number = try reader.uint8()
        guard let role = GroupRole(rawValue: number) else {
            throw DecodingError(.unknownValue(type: "GroupRole", value: UInt64(number)), at: start)
        }
        self = role
    }
    func encode(into writer: inout Writer) { writer.integer(rawValue) }
}

extension GroupEnd: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        let start = reader.byteOffset
        switch try reader.uint8() {
        case 1: self = .left
        case 2: self = .removed(by: try reader.text())
        case 3: self = .deleted(by: try reader.text())
        case 4: self = .neverJoined
        case let kind: throw DecodingError(.unknownValue(type: "GroupEnd", value: UInt64(kind)), at: start)
        }
    }

    func encode(into writer: inout Writer) {
        switch self {
        case .left: writer.integer(1 as UInt8)
        case .removed(let by):
            writer.integer(2 as UInt8)
            writer.text(by)
        case .deleted(let by):
            writer.integer(3 as UInt8)
            writer.text(by)
        case .neverJoined: writer.integer(4 as UInt8)
        }
    }
}

extension Undecryptable: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        let start = reader.byteOffset
        switch try reader.uint8() {
        case 1: self = .expired
        case 2: self = .epochUnknown
        case 3: self = .replayed
        case 4: self = .notAuthentic
        case 5: self = .ruleBroken(try reader.text())
        case 6: self = .contentUnknown
        case let kind: throw DecodingError(.unknownValue(type: "Undecryptable", value: UInt64(kind)), at: start)
        }
    }

    func encode(into writer: inout Writer) {
        switch self {
        case .expired: writer.integer(1 as UInt8)
        case .epochUnknown: writer.integer(2 as UInt8)
        case .replayed: writer.integer(3 as UInt8)
        case .notAuthentic: writer.integer(4 as UInt8)
        case .ruleBroken(let rule):
            writer.integer(5 as UInt8)
            writer.text(rule)
        case .contentUnknown: writer.integer(6 as UInt8)
        }
    }
}

extension IntegrityWarning: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        let start = reader.byteOffset
        switch try reader.uint8() {
        case 1: self = .historyChanged
        case 2: self = .historiesDiffer(try Member(from: &reader))
        case 3: self = .statesDiffer(try Member(from: &reader))
        case 4: self = .keySubstituted(user: try reader.text())
        case 5: self = .unknownDevice(try Member(from: &reader))
        case 6: self = .keyChanged(try Member(from: &reader))
        case 7: self = .staleGroupInfo
        case 8: self = .replayed
        case 9: self = .rosterDiffers
        case let kind: throw DecodingError(.unknownValue(type: "IntegrityWarning", value: UInt64(kind)), at: start)
        }
    }

    func encode(into writer: inout Writer) {
        switch self {
        case .historyChanged: writer.integer(1 as UInt8)
        case .historiesDiffer(let member):
            writer.integer(2 as UInt8)
            member.encode(into: &writer)
        case .statesDiffer(let member):
            writer.integer(3 as UInt8)
            member.encode(into: &writer)
        case .keySubstituted(let user):
            writer.integer(4 as UInt8)
            writer.text(user)
        case .unknownDevice(let member):
            writer.integer(5 as UInt8)
            member.encode(into: &writer)
        case .keyChanged(let member):
            writer.integer(6 as UInt8)
            member.encode(into: &writer)
        case .staleGroupInfo: writer.integer(7 as UInt8)
        case .replayed: writer.integer(8 as UInt8)
        case .rosterDiffers: writer.integer(9 as UInt8)
        }
    }
}
