import RelayClient
import RelayConnection
import RelayCore
import RelayServer
import RelayWire
import Testing

@testable import RelayClient

/// Devices that were away for too long, that are new, and that are no more.
@Suite("Devices that come and go", .timeLimit(.minutes(2)))
struct LagTests {
    @Test("N-4: who comes back after entries are gone joins anew, and what it had to say is said once")
    func belowTheFloor() async throws {
        try await withCrowd {
            $0.core.retentionMilliseconds = 200
            $0.core.maxLagMilliseconds = 400
        } _: { crowd in
            let others = try await crowd.people(["alice", "carol"])
            let bob = try await crowd.person("bob", isProxied: true)
            let id = try await crowd.group(others + [bob])
            try await bob.group(id).send("heard")
            for person in others { try await person.message("heard", in: id) }
            let place = try await bob.client.cursor(in: id)
            try crowd.proxy(of: bob).setRefusing(true)
            let unsent = try await bob.group(id).send("unheard")
            // The log is cut where nobody present needs it, while something happens in it.
            try await until("the floor above bob") {
                try await others[0].group(id).rotateKeys()
                try await converge(others, in: id)
                return try await others[0].client.firstEntry(in: id) > place.next.next
            }
            try crowd.proxy(of: bob).setRefusing(false)
            try await bob.next("joining anew", in: id) { $0 == .rejoined ? true : nil }
            for person in others { try await person.message("unheard", in: id) }
            _ = try await bounded("place") { try await bob.group(id).accepted(unsent) }
            try await others[1].group(id).send("and we go on")
            for person in others + [bob] { try await person.message("and we go on", in: id) }
            try await converge(others + [bob], in: id)
            for person in others + [bob] {
                #expect(try await person.texts(id).count { $0 == "unheard" } == 1)
                try await person.expectWarnings([], in: id)
            }
        }
    }

    @Test("RFC 9750 6.7: a device that is added later joins all groups of its user")
    func laterDevice() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob"])
            let ids = [
                try await crowd.group(people, named: "direct"),
                try await crowd.group([people[0]], named: "alone"),
                try await crowd.group(people, named: "hidden") { $0.hidesChanges = true },
                try await crowd.group([people[1], people[0]], named: "bob's"),
            ]
            let laptop = try await crowd.device("laptop", of: people[0])
            for id in ids {
                _ = try await laptop.joined(id)
                try await laptop.group(id).send("from the laptop")
                try await people[0].message("from the laptop", in: id)
                try await converge([people[0], laptop], in: id)
                for person in [people[0], laptop] { try await person.expectWarnings([], in: id) }
            }
            for id in [ids[0], ids[2], ids[3]] { try await people[1].message("from the laptop", in: id) }
        }
    }

    @Test("who comes into a group in which much was said already reads what is said from then on")
    func longLog() async throws {
        try await withCrowd { crowd in
            let (alice, bob) = (try await crowd.person("alice"), try await crowd.person("bob"))
            let id = try await crowd.group([alice])
            // More than a reader gets without giving credit for more.
            let count = RelayConnectionConfiguration().window + 100
            var last: MessageID?
            for number in 0..<count { last = try await alice.group(id).send("\(number)") }
            _ = try await alice.group(id).accepted(#require(last))
            try await alice.group(id).add(["bob"])
            _ = try await bob.joined(id)
            try await alice.group(id).send("welcome")
            try await bob.message("welcome", in: id)
        }
    }

    @Test("RFC 9750 8.4: a revoked device is removed from all groups by others")
    func revoked() async throws {
        try await withCrowd { crowd in
            let people = try await crowd.people(["alice", "bob"])
            let laptop = try await crowd.device("laptop", of: people[0])
            let ids = [
                try await crowd.group([people[1], people[0]], named: "direct"),
                try await crowd.group([people[1], people[0]], named: "hidden") { $0.hidesChanges = true },
                try await crowd.group([people[0], people[1]], named: "not Bob's to change"),
            ]
            for id in ids { try await converge(people + [laptop], in: id) }
            let device = try #require(try await people[0].client.devices().first { $0.name == "laptop" })
            try await people[0].client.revoke(device)
            for id in ids {
                for person in people {
                    let (member, _) = try await person.sees("alice", removedFrom: id)
                    #expect(member.device == "laptop")
                }
                try await converge(people, in: id)
                #expect(try await people[1].groupState(id).users.flatMap(\.devices).count == 2)
                for person in people { try await person.expectWarnings([], in: id) }
            }
            // Nobody tries what it may not.
            for person in people {
                #expect(!person.events.contains { if case .problem = $0 { true } else { false } })
            }
        }
    }
}
