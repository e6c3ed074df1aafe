import RelayClient
import RelayWire
import Testing

/// Who leaves, comes, and comes back.
@Suite("Coming and going", .timeLimit(.minutes(2)))
struct ReturningTests {
    private func joins(of person: Person, in id: GroupID) async throws -> Int {
        try await person.count(in: id) { kind in
            if case .joined(let member, _) = kind { member.isThisDevice } else { false }
        }
    }

    @Test(
        "S1-2, S1-9: who was removed can be added again, and reads what is said from then on", arguments: [false, true])
    func removedAndAdded(isHidden: Bool) async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"])
            let (alice, bob) = (people[0], people[1])
            let id = try await crowd.group(people) { $0.hidesChanges = isHidden }
            for round in 1...3 {
                try await alice.group(id).remove(["bob"])
                try await bob.next("the end", in: id) { $0 == .ended(.removed(by: "alice")) ? true : nil }
                try await alice.group(id).send("without him \(round)")
                try await alice.group(id).add(["bob"])
                _ = try await bob.joined(id)
                try await converge(people, in: id)
                try await alice.group(id).send("with him \(round)")
                try await bob.message("with him \(round)", in: id)
                try await bob.group(id).send("from him \(round)")
                for person in people { try await person.message("from him \(round)", in: id) }
                #expect(try await joins(of: bob, in: id) == round + 1)
            }
            // He had not lost track: he was out.
            #expect(try await bob.count(in: id) { $0 == .rejoined } == 0)
            for person in people { try await person.expectWarnings([], in: id) }
        }
    }

    @Test("an open group is left and joined again")
    func open() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob"])
            let (alice, bob) = (people[0], people[1])
            let id = try await crowd.group([alice]) { $0.join = .open }
            for round in 1...3 {
                let group = try await bounded("joining") { try await bob.client.join(id) }
                try await converge(people, in: id)
                try await group.send("round \(round)")
                try await alice.message("round \(round)", in: id)
                try await group.leave()
                try await until("bob out") { try await alice.groupState(id).users.map(\.name) == ["alice"] }
                #expect(try await joins(of: bob, in: id) == round)
            }
            #expect(try await bob.count(in: id) { $0 == .rejoined } == 0)
            for person in people { try await person.expectWarnings([], in: id) }
        }
    }

    @Test(
        "S1-9: who was away when it was removed and added again, twice, reads all that was said while it was a member",
        arguments: [true, false])
    func awayMeanwhile(hasBegunToRead: Bool) async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            let bob = try await crowd.person("bob", isProxied: true)
            let id = try await crowd.group(hasBegunToRead ? [alice, bob] : [alice])
            if !hasBegunToRead {
                try crowd.proxy(of: bob).setRefusing(true)
                try await alice.group(id).add(["bob"])
            }
            try await alice.group(id).send("before")
            if hasBegunToRead { try await bob.message("before", in: id) }
            try crowd.proxy(of: bob).setRefusing(true)
            for time in ["first", "second"] {
                try await alice.group(id).send("\(time) time")
                try await alice.group(id).remove(["bob"])
                try await alice.group(id).send("without bob, after the \(time)")
                try await alice.group(id).add(["bob"])
            }
            try await alice.group(id).send("at last")
            try crowd.proxy(of: bob).setRefusing(false)
            if !hasBegunToRead { _ = try await bob.joined(id) }
            try await bob.message("at last", in: id)
            #expect(try await bob.texts(id) == ["before", "first time", "second time", "at last"])
            let history = try await bob.history(id)
            #expect(!history.contains { if case .undecryptable = $0 { true } else { $0 == .rejoined } })
            #expect(history.count { if case .ended(.removed(by: "alice")) = $0 { true } else { false } } == 2)
            try await converge([alice, bob], in: id)
            for person in [alice, bob] { try await person.expectWarnings([], in: id) }
        }
    }

    @Test("N-5: strangers join an open group at once, each by itself")
    func strangers() async throws {
        try await withCrowd { crowd in
            let alice = try await crowd.person("alice")
            let others = try await crowd.people(["bob", "carol", "dave", "erin"])
            let id = try await crowd.group([alice]) { $0.join = .open }
            try await bounded("joining") {
                try await withThrowingTaskGroup { group in
                    for person in others { group.addTask { _ = try await person.client.join(id) } }
                    try await group.waitForAll()
                }
            }
            try await converge([alice] + others, in: id)
            for person in others { try await person.group(id).send("\(person.user) is here") }
            let texts = Set(others.map { "\($0.user) is here" })
            try await until("all messages") { Set(try await alice.texts(id)) == texts }
            for person in [alice] + others { try await person.expectWarnings([], in: id) }
        }
    }

    @Test("N-5, N-12: who joins while somebody leaves carries that out")
    func joinWithPending() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol"])
            let (alice, bob, carol) = (people[0], people[1], people[2])
            let id = try await crowd.group([alice, bob]) { $0.join = .open }
            await alice.close()
            try await bob.group(id).leave()
            _ = try await bounded("joining") { try await carol.client.join(id) }
            #expect(try await carol.groupState(id).users.map(\.name).sorted() == ["alice", "carol"])
            try await alice.reopen()
            try await converge([alice, carol], in: id)
            for person in people { try await person.expectWarnings([], in: id) }
        }
    }

    @Test("N-12: many leave at once", arguments: [false, true])
    func allLeave(isHidden: Bool) async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob", "carol", "dave"])
            let id = try await crowd.group(people) { $0.hidesChanges = isHidden }
            try await bounded("leaving") {
                try await withThrowingTaskGroup { group in
                    for person in people.dropFirst() { group.addTask { try await person.group(id).leave() } }
                    try await group.waitForAll()
                }
            }
            try await people[0].next("being alone", in: id) { $0 == .empty ? true : nil }
            #expect(try await people[0].groupState(id).users.map(\.name) == ["alice"])
            for person in people.dropFirst() {
                #expect(try await person.count(in: id) { $0 == .ended(.left) } == 1)
            }
            for person in people { try await person.expectWarnings([], in: id) }
            try await people[0].group(id).add(["bob"])
            _ = try await people[1].joined(id)
            try await converge(Array(people.prefix(2)), in: id)
        }
    }

    @Test("N-12: a member leaves with all devices, whatever its rights are", arguments: [false, true])
    func allDevices(isHidden: Bool) async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob"])
            let devices = [
                people[1], try await crowd.device("laptop", of: people[1]),
                try await crowd.device("tablet", of: people[1]),
            ]
            let id = try await crowd.group(people) { $0.hidesChanges = isHidden }
            for device in devices { _ = try await device.joined(id) }
            try await converge([people[0]] + devices, in: id)
            try await bounded("leaving") { try await devices[1].group(id).leave() }
            try await until("alice alone") {
                try await people[0].groupState(id).users.flatMap(\.devices).map(\.user) == ["alice"]
            }
            for device in devices {
                try await until("\(device.name) out") { try await device.groupState(id).isMember == false }
            }
            for person in [people[0]] + devices { try await person.expectWarnings([], in: id) }
        }
    }
}
