import MLSCrypto
import RelayCore
import RelayServer
import RelayTransport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

private let groupID: [UInt8] = Array("tracked".utf8)

@Suite("Who reads a tracked group (PROTOCOL.md section 7.3)", .timeLimit(.minutes(3)))
struct MembershipTests {
    @Test(
        "S2-7, S2-8, S1-10, RFC 9750 5.2: one Publish reaches every member, whole to all but the client that sent it",
        arguments: [Scheme.tcp, .ws])
    func ownEntries(scheme: Scheme) async throws {
        try await withRelay(loops: 2) { relay in
            let members = try (0..<6).map { try GroupClient("member \($0)", on: relay, scheme) }
            let log = try members[0].create(groupID)
            for (index, member) in members.enumerated().dropFirst() {
                try member.join(groupID, epoch: UInt64(index))
            }
            // The client that sends is connected twice.
            let second = try GroupClient("member 1", on: relay, key: members[1].key)
            for member in members + [second] { try member.follow(groupID) }
            let epoch = UInt64(members.count)
            var sent: [Int: [UInt64]] = [:]
            for round in 0..<30 {
                let sender = round % 5 == 0 ? 2 : 1
                sent[sender, default: []].append(try members[sender].say(groupID, epoch: epoch).rawValue)
            }
            let last = SequenceNumber(rawValue: UInt64(members.count) + 30)
            for (index, member) in members.enumerated() {
                try member.read(log, through: last)
                let joined = UInt64(index) + 1
                let expected = sent[index] ?? []
                #expect(member.followed[log]?.digests == (expected))
                let others = ((joined + 1)...last.rawValue).filter { !expected.contains($0) }
                #expect(member.followed[log]?.entries == others)
            }
            try second.read(log, through: last)
            #expect(second.followed[log]?.digests == sent[1])
            #expect(second.followed[log]?.hash == members[0].followed[log]?.hash)
        }
    }

    @Test("a digest has the hash of what its client sent, also when it catches up")
    func digestHash() async throws {
        try await withRelay { relay in
            let alice = try GroupClient("alice", on: relay)
            let log = try alice.create(groupID)
            let message = privateMessage(groupID, epoch: 1, number: 99, byteCount: 5000)
            guard case .published = try alice.request(Publish(messages: [message])) else {
                throw FakeServer.Failure(description: "not published")
            }
            try alice.follow(groupID)
            try alice.read(log, through: SequenceNumber(rawValue: 2))
            #expect(alice.followed[log]?.items.values.first == .digest(SHA256.hash(message)))
        }
    }

    @Test("S1-7: a group that one may not know is one that there is not, and a member reads from its joining on")
    func joining() async throws {
        try await withRelay { relay in
            let alice = try GroupClient("alice", on: relay)
            let bob = try GroupClient("bob", on: relay)
            let log = try alice.create(groupID)
            try alice.say(groupID, epoch: 1)
            // Whoever wants may join this group, and so may know it; another one is hidden.
            _ = try alice.create([4]) { $0.join = .direct }
            #expect(try bob.follow(groupID) == SubscriptionResult(error: .notMember))
            #expect(try bob.follow([4]) == SubscriptionResult(error: .groupUnknown))
            #expect(try bob.follow([1, 2, 3]) == SubscriptionResult(error: .groupUnknown))
            #expect(
                try bob.refusal(Acknowledge(positions: [Position(log: log, sequenceNumber: .zero)])) == .notSubscribed)
            try alice.follow(groupID)
            try bob.join(groupID, epoch: 1)
            try alice.say(groupID, epoch: 2)
            let result = try bob.follow(groupID)
            #expect(result.first.rawValue == 4)
            #expect(result.last.rawValue == 4)
            try bob.read(log, through: SequenceNumber(rawValue: 4))
            try alice.read(log, through: SequenceNumber(rawValue: 4))
            #expect(bob.followed[log]?.entries == [4])
            #expect(bob.followed[log]?.hash == alice.followed[log]?.hash)
            #expect(alice.followed[log]?.entries == [3])
            #expect(try bob.follow(groupID, after: 5).error == .cursorAhead)
        }
    }

    @Test("S1-9: who is removed is given the removing commit and nothing after it, connected, catching up or returned")
    func removed() async throws {
        try await withRelay(loops: 2) { relay in
            let alice = try GroupClient("alice", on: relay)
            let log = try alice.create(groupID)
            let bob = try GroupClient("bob", on: relay)
            try bob.join(groupID, epoch: 1)
            // The same client: at the end of the log, far behind with a credit, and on another loop maybe.
            let others = try (0..<4).map { _ in try GroupClient("bob", on: relay, key: bob.key) }
            try bob.follow(groupID)
            for (index, other) in others.enumerated() {
                try other.follow(groupID, until: index % 2 == 0 ? .unlimited : SequenceNumber(rawValue: 3))
            }
            for _ in 0..<10 { try alice.say(groupID, epoch: 2) }
            let removal = try alice.commit(groupID, epoch: 2, removing: [bob.number])
            for _ in 0..<10 { try alice.say(groupID, epoch: 3) }
            for client in [bob] + others {
                let unlimited = Position(log: log, sequenceNumber: .unlimited)
                try client.expectDone(Credit(until: [unlimited]))
                try client.read(log, through: removal)
                try client.settle()
                #expect(client.followed[log]?.last == removal)
            }
            let returned = try GroupClient("bob", on: relay, key: bob.key)
            let result = try returned.follow(groupID)
            #expect(result.error == .none)
            #expect(result.last == removal)
            try returned.read(log, through: removal)
            try returned.settle()
            #expect(returned.followed[log]?.last == removal)
            #expect(try returned.follow(groupID, after: removal.rawValue + 1).error == .cursorAhead)
            let beyond = Position(log: log, sequenceNumber: removal.next)
            #expect(try returned.refusal(Acknowledge(positions: [beyond])) == .cursorAhead)

            // The same after a restart.
            relay.stop()
            let again = try RunningRelay(directory: relay.directory)
            defer { again.stop() }
            let late = try GroupClient("bob", on: again, key: bob.key)
            try late.follow(groupID)
            try late.read(log, through: removal)
            try late.settle()
            #expect(late.followed[log]?.last == removal)
        }
    }

    @Test("N-12: who leaves is given nothing after its proposal, at once")
    func leaving() async throws {
        try await withRelay { relay in
            let alice = try GroupClient("alice", on: relay)
            let log = try alice.create(groupID)
            let bob = try GroupClient("bob", on: relay)
            try bob.join(groupID, epoch: 1)
            for client in [alice, bob] { try client.follow(groupID) }
            let left = try bob.leave(groupID, epoch: 2)
            try alice.say(groupID, epoch: 2)
            try alice.commit(groupID, epoch: 2, removing: [bob.number])
            try bob.read(log, through: left)
            try bob.settle()
            #expect(bob.followed[log]?.last == left)
            #expect(bob.followed[log]?.digests == [left.rawValue])
            #expect(try bob.refusal(Publish(messages: [privateMessage(groupID, epoch: 3, number: 1)])) == .notMember)
        }
    }

    @Test("who joins again is given nothing of the time between, and subscribes again")
    func joiningAgain() async throws {
        try await withRelay { relay in
            let alice = try GroupClient("alice", on: relay)
            let log = try alice.create(groupID)
            let bob = try GroupClient("bob", on: relay)
            try bob.join(groupID, epoch: 1)
            try bob.follow(groupID)
            let removal = try alice.commit(groupID, epoch: 2, removing: [bob.number])
            for _ in 0..<5 { try alice.say(groupID, epoch: 3) }
            let joined = try bob.join(groupID, epoch: 3)
            try alice.say(groupID, epoch: 4)
            try bob.expectDone(Credit(until: [Position(log: log, sequenceNumber: .unlimited)]))
            try bob.settle()
            #expect(bob.followed[log]?.last == removal)
            let result = try bob.follow(groupID, after: removal.rawValue)
            #expect(result.first == joined.next)
            try bob.read(log, through: joined.next)
            #expect(bob.followed[log]?.entries == [joined.next.rawValue])
        }
    }

    @Test("S1-9: who was away when it was removed and came again reads each time to its end, and nothing between")
    func joiningAgainAndAgain() async throws {
        try await withRelay { relay in
            let alice = try GroupClient("alice", on: relay)
            let log = try alice.create(groupID)
            let bob = try GroupClient("bob", on: relay)
            var epoch: UInt64 = 1
            // Each time: where it joined, the last entry that it reads, and the epoch of that.
            var times: [(joined: SequenceNumber, last: SequenceNumber, epoch: UInt64)] = []
            for _ in 0..<18 {
                let joined = try bob.join(groupID, epoch: epoch)
                for _ in 0..<3 { try alice.say(groupID, epoch: epoch + 1) }
                let removal = try alice.commit(groupID, epoch: epoch + 1, removing: [bob.number])
                times.append((joined, removal, epoch + 1))
                try alice.say(groupID, epoch: epoch + 2)
                epoch += 2
            }
            let joined = try bob.join(groupID, epoch: epoch)
            let last = try alice.say(groupID, epoch: epoch + 1)
            times.append((joined, last, epoch + 1))

            // Sixteen are remembered, beside the present one: the second is the first of them. Within it, and behind it.
            let away = try GroupClient("bob", on: relay, key: bob.key)
            var place = times[2].joined.next
            for (joined, last, epoch) in times.dropFirst(2) {
                let result = try away.follow(groupID, after: place.rawValue)
                #expect(result.first == joined.next && result.last == last && result.epoch.rawValue == epoch)
                try away.read(log, through: last)
                try away.settle()
                #expect(away.followed[log]?.last == last)
                let firstRead = max(place, joined).next.rawValue
                #expect(away.followed[log]?.items.keys.map(\.rawValue).sorted() == Array(firstRead...last.rawValue))
                place = last
            }
            // What is older is not remembered, and who has nothing begins with the present.
            let forgotten = try GroupClient("bob", on: relay, key: bob.key)
            #expect(try forgotten.follow(groupID, after: times[1].joined.next.rawValue).first == times[2].joined.next)
            let new = try GroupClient("bob", on: relay, key: bob.key)
            #expect(try new.follow(groupID).first == joined.next)
        }
    }

    @Test("S1-9: who is slow when it is removed and comes again reads on to its removal")
    func slowAndJoiningAgain() async throws {
        try await withRelay { relay in
            let alice = try GroupClient("alice", on: relay)
            let log = try alice.create(groupID)
            let bob = try GroupClient("bob", on: relay)
            let joined = try bob.join(groupID, epoch: 1)
            try bob.follow(groupID, until: joined.next)
            for _ in 0..<3 { try alice.say(groupID, epoch: 2) }
            let removal = try alice.commit(groupID, epoch: 2, removing: [bob.number])
            try alice.say(groupID, epoch: 3)
            try bob.join(groupID, epoch: 3)
            try alice.say(groupID, epoch: 4)
            try bob.settle()
            #expect(bob.followed[log]?.last == joined.next)
            try bob.expectDone(Credit(until: [Position(log: log, sequenceNumber: .unlimited)]))
            try bob.read(log, through: removal)
            try bob.settle()
            #expect(bob.followed[log]?.last == removal)
        }
    }

    @Test("who joins again without having been away goes on where it was")
    func resync() async throws {
        try await withRelay { relay in
            let alice = try GroupClient("alice", on: relay)
            let log = try alice.create(groupID)
            let bob = try GroupClient("bob", on: relay)
            try bob.join(groupID, epoch: 1)
            try bob.follow(groupID)
            try bob.rejoin(groupID, epoch: 2)
            let last = try alice.say(groupID, epoch: 3)
            try bob.read(log, through: last)
            #expect(bob.followed[log]?.entries == [last.rawValue])
            #expect(bob.followed[log]?.digests == [last.rawValue - 1])
        }
    }

    @Test("a removal that is voided is as if it had not been: who was removed goes on without a gap")
    func voidedRemoval() async throws {
        try await withRelay { relay in
            let alice = try GroupClient("alice", on: relay)
            let log = try alice.create(groupID) { $0.denials = 1 }
            let bob = try GroupClient("bob", on: relay)
            let carol = try GroupClient("carol", on: relay)
            try bob.join(groupID, epoch: 1)
            try carol.join(groupID, epoch: 2)
            for client in [alice, bob, carol] { try client.follow(groupID) }
            let removal = try alice.commit(groupID, epoch: 3, removing: [bob.number])
            try alice.say(groupID, epoch: 4)
            try bob.settle()
            #expect(bob.followed[log]?.last == removal)
            try carol.expectDone(DenyCommit(log: log, sequenceNumber: removal, text: []))
            let last = try alice.say(groupID, epoch: 3)
            for client in [alice, bob, carol] { try client.read(log, through: last) }
            #expect(bob.followed[log]?.hash == alice.followed[log]?.hash)
        }
    }

    @Test("an addition that is voided gives its client nothing more")
    func voidedAddition() async throws {
        try await withRelay { relay in
            let alice = try GroupClient("alice", on: relay)
            let log = try alice.create(groupID) { $0.denials = 1 }
            let bob = try GroupClient("bob", on: relay)
            let joined = try bob.join(groupID, epoch: 1)
            try bob.follow(groupID)
            try alice.follow(groupID)
            try alice.expectDone(DenyCommit(log: log, sequenceNumber: joined, text: []))
            try alice.say(groupID, epoch: 1)
            try bob.settle()
            #expect(bob.followed[log]?.items.isEmpty == true)
            #expect(try bob.follow(groupID).error == .notMember)
        }
    }

    @Test("a commit that has lost tells the winner to those only who may read it")
    func losers() async throws {
        try await withRelay { relay in
            let alice = try GroupClient("alice", on: relay)
            let log = try alice.create(groupID)
            let bob = try GroupClient("bob", on: relay)
            try bob.join(groupID, epoch: 1)
            let removal = try alice.commit(groupID, epoch: 2, removing: [bob.number])
            let commit = try alice.commit(groupID, epoch: 3)
            let stranger = try GroupClient("stranger", on: relay)
            // Who could join sees the group; what is in it, only members.
            for (client, epoch, isTold) in [
                (alice, 3, true), (bob, 3, false), (bob, 2, true), (stranger, 3, false),
            ] as [(GroupClient, UInt64, Bool)] {
                let stale = privateMessage(groupID, epoch: epoch, contentType: 3, number: 7)
                guard
                    case .error(let error) = try client.request(
                        PublishCommit(messages: [stale], added: [], removed: []))
                else { throw FakeServer.Failure(description: "taken") }
                #expect(error.code == .staleEpoch)
                let detail = try EpochDetail(decoding: error.detail)
                #expect(detail.entry.isEmpty == !isTold, "\(client.name), epoch \(epoch)")
                #expect(detail.commit == (epoch == 2 ? removal : commit))
            }
            _ = log
        }
    }

    @Test("S1-9: no entry goes to who was removed while other connections read ahead of what the loop was told")
    func removalRace() async throws {
        try await withRelay { relay in
            let alice = try GroupClient("alice", on: relay)
            let carol = try GroupClient("carol", on: relay)
            let log = try alice.create(groupID)
            try carol.join(groupID, epoch: 1)
            let bob = try GroupClient("bob", on: relay)
            var epoch: UInt64 = 2
            for round in 0..<8 {
                try bob.join(groupID, epoch: epoch)
                try bob.follow(groupID)
                try alice.follow(groupID)
                // All at once: the removal, what comes after it, and subscriptions that see it in the store.
                let removal = privateMessage(
                    groupID, epoch: epoch + 1, contentType: 3, number: UInt64(round) << 48)
                let frame = PublishCommit(
                    messages: [removal, GroupClient.groupInfo(groupID, epoch: epoch + 2)], added: [],
                    removed: [bob.number])
                try alice.client.send(frame)
                for number in 0..<20 {
                    let message = privateMessage(
                        groupID, epoch: epoch + 2, number: UInt64(round) << 48 | UInt64(number + 1))
                    try alice.client.send(Publish(messages: [message]))
                    try carol.follow(groupID)
                }
                var place = SequenceNumber.zero
                for _ in 0..<21 {
                    let receipts = try alice.nextReceipts()
                    if place == .zero { place = receipts[0].sequenceNumber }
                }
                try bob.settle()
                let last = bob.followed[log]?.last
                #expect(last == place)
                epoch += 2
            }
        }
    }
}
