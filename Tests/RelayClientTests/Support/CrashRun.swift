import RelayClient
import TestSupport
import Testing

/// Some people who talk and change their group while their devices crash, and the relay ends and comes back.
final class CrashRun {
    private enum Step: CaseIterable {
        case say, sayMuch, sayAgain, rotate, propose, rename, guest, relayRestart, reopen
    }

    private let crowd: Crowd
    private let id: GroupID
    private let stayers: [Person]
    private let guest: Person
    private let seed: UInt64
    private var random: SeededGenerator
    /// What was said with success, and where the device has crashed meanwhile.
    private var sent: Set<String> = []
    private var attempted: Set<String> = []
    private var work: [Task<Void, any Error>] = []
    private var guestWork: Task<Void, any Error>?
    private var log: [String] = []
    /// Up to where everybody's history is of the time before.
    private let start: UInt64

    init(_ crowd: Crowd, seed: UInt64) async throws {
        (self.crowd, self.seed, random) = (crowd, seed, SeededGenerator(seed: seed))
        var people: [Person] = []
        for user in ["alice", "bob", "carol"] { people.append(try await crowd.person(user, faults: StoreFaults())) }
        guest = try await crowd.person("dave", faults: StoreFaults())
        stayers = people + [try await crowd.device("laptop", of: people[1])]
        id = try await crowd.group(stayers) { policy in
            (policy.mayAdd, policy.mayRemove, policy.mayRename) = (.member, .member, .member)
            policy.hidesChanges = seed % 2 == 0
        }
        if seed % 3 == 0 {
            var policy = try await people[0].groupState(id).policy
            policy.join = .invitation
            try await people[0].group(id).setPolicy(policy)
        }
        try await converge(stayers, in: id)
        start = try await people[0].group(id).history(after: .start, limit: 100_000).map(\.sequenceNumber).max() ?? 0
    }

    private var everybody: [Person] { stayers + [guest] }
    var crashCount: Int { everybody.reduce(0) { $0 + ($1.faults?.crashCount ?? 0) } }
    private var story: Comment { "seed \(seed), \(log.joined(separator: "; "))" }

    private func one(of people: [Person]) -> Person { people[Int.random(in: people.indices, using: &random)] }

    // MARK: Steps

    func step() async throws {
        if Int.random(in: 0..<3, using: &random) > 0 { armOne() }
        let person = one(of: stayers)
        let step = Step.allCases[Int.random(in: Step.allCases.indices, using: &random)]
        log.append("\(person.name) \(step)")
        switch step {
        case .say: try await say(1, one(of: everybody))
        case .sayMuch, .sayAgain: try await say(Int.random(in: 2...6, using: &random), person)
        case .rotate: begin(person) { try await $0.rotateKeys() }
        case .propose: begin(person) { try await $0.proposeKeyRotation() }
        case .rename:
            let name = "Choir \(random.next() % 100)"
            begin(person) { try await $0.rename(name) }
        case .guest: try await addOrRemoveGuest(person)
        case .relayRestart: try await crowd.relay.restart()
        case .reopen: try await person.comeBack()
        }
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...30, using: &random)))
        for person in everybody where person.faults?.isDown == true {
            log.append("\(person.name) comes back")
            try await person.comeBack()
        }
        try await acceptAsGuest()
    }

    private func armOne() {
        let person = one(of: everybody)
        guard let faults = person.faults, !faults.isArmed else { return }
        let count = Int.random(in: 1...8, using: &random)
        let moment: StoreFaults.Moment = Bool.random(using: &random) ? .before : .after
        log.append("\(person.name) is to crash \(moment) \(count)")
        faults.crash(at: count, moment)
    }

    private func say(_ count: Int, _ person: Person) async throws {
        let id = id
        for _ in 0..<count {
            let text = "\(person.name) \(attempted.count)"
            attempted.insert(text)
            let isSent = try await excusing {
                guard let group = try await person.client.group(id) else { return false }
                try await group.send(text)
                return true
            }
            if isSent == true { sent.insert(text) }
        }
    }

    /// Begins a change, which goes on beside what comes next.
    private func begin(_ person: Person, _ body: @escaping @Sendable (EncryptedGroup) async throws -> Void) {
        let id = id
        work.append(Task { _ = try await excusing { try await body(person.group(id)) } })
    }

    private func addOrRemoveGuest(_ person: Person) async throws {
        let former = guestWork
        let id = id
        guestWork = Task {
            try await former?.value
            _ = try await excusing {
                let isThere = try await person.groupState(id).users.contains { $0.name == "dave" }
                let group = try await person.group(id)
                if isThere { try await group.remove(["dave"]) } else { try await group.add(["dave"]) }
            }
        }
    }

    private func acceptAsGuest() async throws {
        _ = try await excusing {
            let client = try self.guest.client
            for invitation in try await client.invitations()
            where invitation.invited == "dave" && invitation.state == .waiting {
                try await client.accept(invitation)
            }
        }
    }

    // MARK: The end

    func finish() async throws {
        for person in everybody { person.faults?.disarm() }
        for person in everybody where person.faults?.isDown == true { try await person.comeBack() }
        for task in work + (guestWork.map { [$0] } ?? []) {
            try await bounded("end of a change; \(story)", within: .seconds(60)) { try await task.value }
        }
        try await acceptAsGuest()
        for person in stayers { try await say(1, person) }
        let (stayers, sent, id) = (stayers, sent, id)
        do {
            for person in stayers {
                try await until("all messages at \(person.name)", within: .seconds(40)) {
                    Set(try await person.texts(id)).isSuperset(of: sent.filter { !$0.hasPrefix("dave") })
                }
            }
        } catch { throw await explained(error) }
        try await quiet()
        try await check()
    }

    /// Waits until nobody has anything left to do and all are in the same state.
    private func quiet() async throws {
        let (stayers, guest, id) = (stayers, guest, id)
        do {
            try await until("agreement", within: .seconds(40)) {
                var states: Set<[String]> = []
                for person in stayers {
                    guard try await person.unfinished(id).isEmpty else { return false }
                    states.insert(try await person.stateInWords(id))
                }
                guard states.first?.contains("dave") == true else { return states.count == 1 }
                guard try await guest.client.group(id) != nil else { return false }
                states.insert(try await guest.stateInWords(id))
                let isDone = try await guest.unfinished(id).isEmpty
                return isDone && states.count == 1
            }
        } catch { throw await explained(error) }
    }

    /// With all that can be said of where everybody is.
    private func explained(_ error: any Error) async -> any Error {
        var words: [String] = []
        for person in everybody {
            // What it is good for is to say what is wrong: what fails is left out.
            let state = try? await person.stateInWords(id)
            let work = try? await person.inside(id)
            let problems = person.events.suffix(5).map { "\($0)" }
            words.append("\(person.name): \(state ?? []), \(work ?? "away"), \(problems)")
        }
        await printHistories()
        return FakeServer.Failure(description: "\(error)\n\(words.joined(separator: "\n"))\n\(story)")
    }

    /// What somebody who was always there has been told, and what the guest has.
    private func printHistories() async {
        for person in [stayers[0], guest] {
            print("History of \(person.name), seed \(seed):")
            // What cannot be told is not.
            for event in (try? await person.group(id).history(after: .start, limit: 100_000)) ?? [] {
                print(seed, event.sequenceNumber, String(describing: event.kind).prefix(230))
            }
        }
    }

    private func check() async throws {
        var histories: Set<[String]> = []
        for person in stayers {
            histories.insert(try await person.commonHistory(id, after: start))
            let troubles = try await person.troubles(id)
            #expect(troubles == [], "\(person.name); \(story)")
            let texts = try await person.texts(id)
            #expect(Set(texts).count == texts.count, "\(person.name); \(story)")
            #expect(attempted.isSuperset(of: texts), "\(story)")
        }
        #expect(
            histories.count == 1, "\(histories.map { $0.joined(separator: "\n") }.joined(separator: "\n\n")); \(story)")
        try await checkGuest()
    }

    /// The guest has all that was said while it was there.
    private func checkGuest() async throws {
        guard try await guest.client.group(id) != nil else { return }
        var wanted: [String] = []
        var isThere = false
        for event in try await stayers[0].group(id).history(after: .start, limit: 100_000) {
            switch event.kind {
            case .joined(let member, _) where member.user == "dave": isThere = true
            case .left(let member) where member.user == "dave": isThere = false
            case .removed(let member, _) where member.user == "dave": isThere = false
            case .message(let message) where isThere: wanted.append(message.text ?? "")
            default: break
            }
        }
        // Nobody waits for who is out: it may still be on its way to where it was removed.
        let (guest, id) = (guest, id)
        let expected = wanted.count
        // What does not come is found below.
        try? await until("all that the guest may read", within: .seconds(20)) {
            try await guest.texts(id).count + guest.troubles(id).count >= expected
        }
        let texts = try await guest.texts(id)
        // What was on its way from an epoch before the guest's is accepted, and not for it: RFC 9750 section 5.2.2.
        let unreadable = try await guest.troubles(id)
        #expect(unreadable.allSatisfy { $0.contains("epochUnknown") }, "\(unreadable); \(story)")
        #expect(wanted.filter(texts.contains) == texts, "\(story)")
        if wanted.count - texts.count > unreadable.count { await printHistories() }
        #expect(wanted.count - texts.count <= unreadable.count, "\(wanted) but \(texts); \(story)")
        // What it said is there, or it was told that it is not.
        let said = sent.filter { $0.hasPrefix("dave") }.count
        let unsent = try await guest.history(id).count { if case .notSent = $0 { true } else { false } }
        let arrived = try await stayers[0].texts(id).count { $0.hasPrefix("dave") }
        #expect(said <= arrived + unsent, "\(story)")
    }
}

/// What `body` returns; nil where it fails as it may when devices crash.
@discardableResult
private func excusing<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value? {
    let excused: Set<RelayClientError.Code> = [
        .closed, .storeFailed, .obsolete, .notConnected, .userUnknown, .userUnavailable, .notMember, .timedOut,
        .invitationUnknown, .connectionFailed, .limited, .groupUnknown, .notAllowed,
    ]
    do {
        return try await body()
    } catch is Person.Away {
        return nil
    } catch let error as RelayClientError where excused.contains(error.code) {
        return nil
    }
}

extension Person {
    /// Comes back after a crash, and after those that happen while it does.
    func comeBack() async throws {
        while true {
            do {
                return try await reopen()
            } catch let error as RelayClientError where faults?.isDown == true {
                // It has crashed once more.
                guard [.closed, .storeFailed].contains(error.code) else { throw error }
            }
        }
    }

    /// A group that this device knows, whatever has become of it.
    func anyGroup() async throws -> GroupID? { try await client.knownGroups().first }

    /// What is to be the same at all members.
    func stateInWords(_ id: GroupID) async throws -> [String] {
        let state = try await groupState(id)
        return ["\(state.epoch)", state.safetyNumber?.description ?? "", state.name, "\(state.isMember == true)"]
            + state.users.map(\.name).sorted()
    }

    /// What all members have alike, in words.
    func commonHistory(_ id: GroupID, after start: UInt64) async throws -> [String] {
        try await group(id).history(after: .start, limit: 100_000).filter { $0.sequenceNumber > start }.compactMap {
            event in
            event.kind.inCommon.map { "\(event.sequenceNumber): \($0)" }
        }
    }

    /// What must not be in a history while the relay is honest.
    func troubles(_ id: GroupID) async throws -> [String] {
        try await group(id).history(after: .start, limit: 100_000).compactMap { event in
            let isTrouble =
                switch event.kind {
                case .undecryptable, .integrityWarning, .rejoined, .changeVoided: true
                case .notSent: user != "dave"
                default: false
                }
            return isTrouble ? "\(event.sequenceNumber): \(event.kind)" : nil
        }
    }
}

extension GroupEvent.Kind {
    /// In words, where all members have it.
    fileprivate var inCommon: String? {
        func name(_ member: Member?) -> String { member.map { "\($0.user)'s \($0.device)" } ?? "itself" }
        return switch self {
        case .message(let message): "\(name(message.sender)) says \(message.text ?? "")"
        case .joined(let member, let by): "\(name(member)) added by \(name(by))"
        case .left(let member): "\(name(member)) left"
        case .removed(let member, let by): "\(name(member)) removed by \(name(by))"
        case .keysUpdated(let member): "\(name(member)) updated"
        // Who did it is a number to a device that does not know the client yet.
        case .renamed(let name, _): "renamed to \(name)"
        default: nil
        }
    }
}
