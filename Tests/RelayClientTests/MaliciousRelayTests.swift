import RelayClient
import RelayWire
import Synchronization
import Testing

/// A relay that lies: each lie is reported as what it is, and nothing false beside it.
@Suite("A relay that lies", .timeLimit(.minutes(3)))
struct MaliciousRelayTests {
    // MARK: Told badly: the chain does not hold

    /// Changes the next entries of a log that pass, and does not mend their chain.
    private final class Tamperer: Sendable {
        enum Kind: String, Sendable, CaseIterable { case drops, reorders, repeats, changes }

        private let kind: Kind
        private let state = Mutex<(isArmed: Bool, held: Frame?)>((false, nil))

        init(_ kind: Kind) { self.kind = kind }

        func arm() { state.withLock { $0.isArmed = true } }

        func rule(_ passing: TamperingProxy.Passing) -> [TamperingProxy.Action]? {
            guard case .entry(var frame) = passing.frame, frame.entry.header.kind == .message else { return nil }
            return state.withLock { state in
                if let held = state.held {
                    state.held = nil
                    return [.send(passing.frame, .none), .send(held, .none)]
                }
                guard state.isArmed else { return nil }
                state.isArmed = false
                switch kind {
                case .drops: return []
                case .reorders:
                    state.held = passing.frame
                    return []
                case .repeats: return [.send(passing.frame, .none), .send(passing.frame, .none)]
                case .changes:
                    frame.entry.payload[frame.entry.payload.count - 1] ^= 1
                    return [.send(.entry(frame), .none)]
                }
            }
        }
    }

    @Test(
        "an entry that is dropped, reordered, repeated or changed ends the history", arguments: Tamperer.Kind.allCases)
    private func badly(_ kind: Tamperer.Kind) async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob", isProxied: true)
            let id = try await crowd.group([alice, bob])
            let tamperer = Tamperer(kind)
            try crowd.proxy(of: bob).setRule(tamperer.rule)
            try await alice.group(id).send("before")
            try await bob.message("before", in: id)
            tamperer.arm()
            for text in ["one", "two", "three"] { try await alice.group(id).send(text) }
            try await bob.next("the warning", in: id) { $0 == .integrityWarning(.historyChanged) ? true : nil }
            try await bob.expectWarnings([.historyChanged], in: id)
            try await alice.expectWarnings([], in: id)
            #expect(try await bob.texts(id).first == "before")
            #expect(try await !bob.texts(id).contains("three"))
            // Where the relay shows the true history again, a device that starts anew goes on from what it has verified.
            try await bob.reopen()
            try await alice.group(id).send("four")
            try await bob.message("four", in: id)
            #expect(try await bob.texts(id) == ["before", "one", "two", "three", "four"])
            try await bob.expectWarnings([.historyChanged], in: id)
        }
    }

    // MARK: Told well: two histories

    enum Lie: String, Sendable, CaseIterable { case drops, replaces, reorders }

    @Test("N-3, S4-14: two histories are found by both sides in a round of checks", arguments: Lie.allCases)
    func twoHistories(_ lie: Lie) async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob", isProxied: true)
            let carol = try await crowd.person("carol")
            let id = try await crowd.group([alice, bob, carol])
            let isArmed = Atomic(false)
            let liar = LyingLog(id.bytes) { header, payload in
                guard let payload, header.kind == .message, isArmed.exchange(false, ordering: .relaxed) else {
                    return .truth
                }
                return switch lie {
                case .drops: .drop
                case .replaces: .replace(payload.dropLast() + [(payload.last ?? 0) ^ 1])
                case .reorders: .afterNext
                }
            }
            try await liar.begin(at: crowd.proxy(of: bob))
            isArmed.store(true, ordering: .relaxed)
            for text in ["one", "two"] {
                let group = try await alice.group(id)
                _ = try await group.accepted(try await group.send(text))
            }
            try await bob.message("two", in: id)
            #expect(liar.hasLied)
            // What Alice says next has her history beside it: the first finding, and Bob asks.
            try await alice.group(id).send("three")
            for person in [alice, bob] {
                try await person.next("a warning", in: id) { kind in
                    if case .integrityWarning(.historiesDiffer) = kind { true } else { nil }
                }
            }
            let bobs = Set(try await bob.warnings(id).map(Self.kindAndUser))
            #expect(bobs.isSubset(of: ["differs from alice", "differs from carol"]))
            for person in [alice, carol] {
                let warnings = Set(try await person.warnings(id).map(Self.kindAndUser))
                #expect(warnings.isSubset(of: ["differs from bob"]))
            }
        }
    }

    private static func kindAndUser(_ warning: IntegrityWarning) -> String {
        if case .historiesDiffer(let member) = warning { "differs from \(member.user)" } else { "\(warning)" }
    }

    @Test("N-3: a difference is reported only at its second finding")
    func secondFinding() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            // Bob never asks again within this test.
            let bob = try await crowd.person("bob", isProxied: true) { $0.secondCheckDelay = .seconds(600) }
            let id = try await crowd.group([alice, bob])
            let isArmed = Atomic(false)
            let liar = LyingLog(id.bytes) { header, payload in
                payload != nil && header.kind == .message && isArmed.exchange(false, ordering: .relaxed)
                    ? .drop : .truth
            }
            try await liar.begin(at: crowd.proxy(of: bob))
            isArmed.store(true, ordering: .relaxed)
            let group = try await alice.group(id)
            for text in ["lost", "first finding", "second finding"] {
                _ = try await group.accepted(try await group.send(text))
            }
            try await bob.next("the warning", in: id) { kind in
                if case .integrityWarning(.historiesDiffer(let member)) = kind { member } else { nil }
            }
            let kinds = try await bob.history(id)
            let first = kinds.firstIndex { $0.text == "first finding" }
            let warning = kinds.firstIndex { kind in
                if case .integrityWarning = kind { true } else { false }
            }
            #expect(try #require(first) < #require(warning))
        }
    }

    // MARK: Replays

    @Test("a ciphertext that comes again as a new entry is not a new message, and is reported")
    func replay() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"], isProxied: true)
            let id = try await crowd.group(people)
            let group = try await people[0].group(id)
            let before = try await group.accepted(try await group.send("before"))
            for person in people.dropFirst() { try await person.message("before", in: id) }
            // The same is told to all: there are not two histories.
            let liars = people.map { _ in
                LyingLog(id.bytes) { header, _ in header.sequenceNumber.rawValue == before + 1 ? .twice : .truth }
            }
            for (person, liar) in zip(people, liars) { try await liar.begin(at: crowd.proxy(of: person)) }
            try await group.send("pay 100")
            for person in people.dropFirst() {
                try await person.next("the warning", in: id) { $0 == .integrityWarning(.replayed) ? true : nil }
            }
            try await group.send("after")
            for person in people.dropFirst() {
                try await person.message("after", in: id)
                #expect(try await person.texts(id) == ["before", "pay 100", "after"])
                try await person.expectWarnings([.replayed], in: id)
            }
            try await people[0].expectWarnings([], in: id)
        }
    }

    // MARK: Members

    @Test("members that the relay names and the group does not have are reported, and only where it says so again")
    func roster() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice", isProxied: true)
            let bob = try await crowd.person("bob")
            _ = try await crowd.person("mallory")
            let id = try await crowd.group([alice, bob])
            try crowd.proxy(of: alice).setRule { passing in
                guard case .groupDescription(var description) = passing.frame,
                    var last = description.members.last
                else { return nil }
                last.client = ClientNumber(rawValue: last.client.rawValue + 1)
                last.name = Array("mallory".utf8)
                description.members.append(last)
                return [.send(.groupDescription(description), passing.id)]
            }
            try await alice.group(id).rotateKeys()
            try await alice.next("the warning", in: id) { $0 == .integrityWarning(.rosterDiffers) ? true : nil }
            try await alice.expectWarnings([.rosterDiffers], in: id)
            try await bob.expectWarnings([], in: id)
            #expect(try await alice.groupState(id).users.map(\.name).sorted() == ["alice", "bob"])
        }
    }

    // MARK: Joining

    @Test("a state of the group that is not the newest is reported by who is to join with it")
    func staleGroupInfo() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob", isProxied: true)
            let id = try await crowd.group([alice], named: "Everybody") { $0.join = .open }
            let proxy = try crowd.proxy(of: bob)
            let stale = Mutex<GroupInfoAnswer?>(nil)
            // The first answer is kept, and given again and again.
            proxy.setRule { passing in
                guard case .groupInfo(let answer) = passing.frame else { return nil }
                return stale.withLock { stale in
                    if let stale { return [.send(.groupInfo(stale), passing.id)] }
                    stale = answer
                    return []
                }
            }
            let joining = Task { try await bob.client.join(id) }
            try await until("the first answer") { stale.withLock { $0 != nil } }
            try await alice.group(id).rotateKeys()
            proxy.cut()
            try await until("the group at bob") { try await bob.client.group(id) != nil }
            try await bob.next("the warning", in: id) { $0 == .integrityWarning(.staleGroupInfo) ? true : nil }
            #expect(try await bob.groupState(id).isMember != true)
            #expect(try await alice.groupState(id).users.map(\.name) == ["alice"])
            proxy.setRule(nil)
            _ = try await joining.value
            try await converge([alice, bob], in: id)
            try await bob.expectWarnings([.staleGroupInfo], in: id)
            try await alice.expectWarnings([], in: id)
        }
    }
}

extension GroupEvent.Kind {
    /// The text of a message.
    var text: String? { if case .message(let message) = self { message.text } else { nil } }
}
