import MLSCodec
import MLSCrypto
public import RelayCore
public import RelayWire
import TestSupport

/// Random commands of a few clients on a few groups: few names, texts and epochs, so that they meet.
public struct RandomCommands {
    private var generator: SeededGenerator
    private static let names = ["alice", "bob", "carol", "dave", ""]
    private static let groups = ["g", "h", "i", "j"]

    public init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    public mutating func number(in range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

    /// True once in `count` times.
    public mutating func once(in count: Int) -> Bool { number(in: 1...count) == 1 }

    private mutating func element<Element>(_ elements: [Element]) -> Element {
        elements[number(in: 0...elements.count - 1)]
    }

    /// A clock that mostly goes on, and at times goes back.
    public mutating func time(after now: Timestamp) -> Timestamp {
        once(in: 8)
            ? Timestamp(rawValue: now.rawValue - UInt64(number(in: 0...50)))
            : Timestamp(rawValue: now.rawValue + UInt64(number(in: 0...20)))
    }

    /// A command that fits the state more often than not.
    public mutating func command(in state: MemoryState) -> TestCommand {
        // Only who is registered asks for anything else: sessions see to that.
        let connected = state.connectableClients
        guard !connected.isEmpty else {
            return TestCommand(.register(.test(element(Self.names), key: UInt8(number(in: 1...9)))))
        }
        let client = element(connected)
        switch number(in: 0...21) {
        case 20, 21: return identityCommand(in: state, by: client)
        case 0: return TestCommand(.register(.test(element(Self.names), key: UInt8(number(in: 1...2)))))
        case 1:
            return TestCommand(
                .createGroup(Array(element(Self.groups).utf8), Epoch(rawValue: UInt64(number(in: 0...2)))), by: client)
        case 2, 3: return TestCommand(.acknowledge(positions(in: state)), by: client)
        case 4, 5, 6:
            let requests = (0..<number(in: 1...3)).map { _ in
                KeyPackageRequest(
                    name: Array(element(Self.names).utf8), cipherSuite: CipherSuite(rawValue: UInt16(number(in: 1...2)))
                )
            }
            return TestCommand(.fetchKeyPackages(requests), by: client)
        default: return TestCommand(.publish(messages(in: state)), by: client)
        }
    }

    /// What changes who is registered.
    private mutating func identityCommand(in state: MemoryState, by client: ClientNumber) -> TestCommand {
        let old = state.clients[client] ?? .test("")
        let name = String(decoding: old.name, as: UTF8.self)
        let key = UInt8(number(in: 1...9))
        let action: IdentityAction
        switch number(in: 0...6) {
        case 0, 1:
            var registration = Registration(
                .test(once(in: 8) ? element(Self.names) : name, key: key),
                clientName: Array(element(["", "a", "b"]).utf8),
                admission: .client(client, notAfter: Timestamp(rawValue: .max >> 1), signature: []))
            registration.verifiedWith = once(in: 8) ? nil : old
            return TestCommand(.other(.register(registration)))
        case 2:
            action = .rotate(
                KeyRotation(old: old, new: .test(name, key: key), signatureByOld: [1], signatureByNew: [2]))
        case 3:
            let other = ClientNumber(rawValue: UInt64(number(in: 1...state.clients.count)))
            action = .revoke(RevokeClient(client: other, reason: .lost))
        case 4: action = .setVisibility(element(Visibility.allCases))
        case 5:
            action = .credential(
                CertifiedKey(
                    identity: old, credential: [1], serial: [2], notBefore: Timestamp(rawValue: 1),
                    notAfter: Timestamp(rawValue: 10_000_000), certificateHash: SHA256.hash([key])))
        default:
            let name = Array(element(Self.names).utf8)
            let action = once(in: 2) ? Administer.Action.suspendUser(name: name) : .resumeUser(name: name)
            return TestCommand(.other(.administer(action, token: [])), by: client)
        }
        return TestCommand(.other(.identity(action)), by: client)
    }

    private mutating func positions(in state: MemoryState) -> [Position] {
        (0..<number(in: 1...3)).map { _ in
            let log = LogNumber(rawValue: UInt64(number(in: 1...state.logs.count + (once(in: 10) ? 1 : 0))))
            let last = Int(state.heads[log]?.last.rawValue ?? 0)
            let number = number(in: 0...last + (once(in: 10) ? 1 : 0))
            return Position(log: log, sequenceNumber: SequenceNumber(rawValue: UInt64(number)))
        }
    }

    /// Messages of a Publish; no two are the same, as the parser of frames sees to.
    private mutating func messages(in state: MemoryState) -> [TestMessage] {
        let group = element(Self.groups)
        let log = state.logs[.group(Array(group.utf8))]
        var epoch = log.flatMap { state.heads[$0]?.epoch.rawValue } ?? 0
        let references = state.keyPackages.keys.sorted { $0.lexicographicallyPrecedes($1) }
        var messages: [TestMessage] = []
        for _ in 0..<number(in: 1...4) {
            let text = "\(number(in: 0...5))"
            // Mostly what is due, at times an epoch before or after.
            let near = UInt64(max(0, Int(epoch) + (once(in: 4) ? number(in: -3...1) : 0)))
            let group = once(in: 20) ? element(Self.groups) : group
            let message: TestMessage
            switch number(in: 0...11) {
            case 0, 1, 2: message = .application(text, group, near)
            case 3, 4: message = .proposal(text, group, near)
            case 5, 6:
                message = .commit(text, group, near)
                if near == epoch { epoch += 1 }
            case 7: message = .groupInfo(text, group, near)
            case 8, 9:
                let unknown: [UInt8] = [1, 2, 3]
                message = .welcome(
                    text,
                    to: (0..<number(in: 1...4)).map { _ in
                        references.isEmpty || once(in: 20) ? unknown : element(references)
                    })
            default:
                message = .keyPackage(
                    "\(number(in: 0...30))", suite: UInt16(number(in: 1...2)), isLastResort: once(in: 4))
            }
            if !messages.contains(message) { messages.append(message) }
        }
        return messages
    }
}
