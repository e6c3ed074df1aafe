import MLSCrypto
import RelayCore
import RelayServer
import RelayTransport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

private let groupID: [UInt8] = Array("tracked".utf8)

@Suite("Receipts and head checks over the wire (PROTOCOL.md sections 7.12, 7.13)", .timeLimit(.minutes(3)))
struct ReceiptAndHeadTests {
    private static let quick: @Sendable (inout ServerConfiguration) -> Void = {
        $0.session.receiptIntervalMilliseconds = 0
    }

    /// A group of three, who all follow it.
    private func group(_ relay: RunningRelay) throws -> (log: LogNumber, members: [GroupClient]) {
        let members = try ["alice", "bob", "carol"].map { try GroupClient($0, on: relay) }
        let log = try members[0].create(groupID)
        for (index, member) in members.enumerated().dropFirst() { try member.join(groupID, epoch: UInt64(index)) }
        for member in members { try member.follow(groupID) }
        return (log, members)
    }

    private func follow(_ log: LogNumber, _ client: GroupClient) throws -> Receipts {
        guard case .receipts(let receipts) = try client.request(FollowReceipts(log: log, follow: true)) else {
            throw FakeServer.Failure(description: "no receipts")
        }
        return receipts
    }

    @Test(
        "S4-6, S4-8, N-11, RFC 9750 8.1.4: a sender is pushed when its message was delivered and when it was acknowledged, by each and by all",
        arguments: [1, 2])
    func pushed(loops: Int) async throws {
        try await withRelay(loops: loops, Self.quick) { relay in
            let (log, members) = try group(relay)
            #expect(try follow(log, members[0]).positions.count == 3)
            let number = try members[0].say(groupID, epoch: 3)
            let delivered = try members[0].readReceipts { $0.deliveredByAll == number }
            #expect(delivered.acknowledgedByAll < number)
            for member in members[1...] {
                try member.read(log, through: number)
                try member.acknowledge(log, number)
            }
            // The sender has acknowledged nothing itself, and is not behind its own entry.
            try members[0].read(log, through: number)
            try members[0].acknowledge(log, number)
            _ = try members[0].readReceipts { $0.acknowledgedByAll == number }
            // Each change is told once, by member.
            let clients = Set(members[0].receipts.flatMap { $0.positions.map(\.client) })
            #expect(clients.isSubset(of: Set(members.map(\.number))))

            // Durable: the same after a restart.
            relay.stop()
            let again = try RunningRelay(directory: relay.directory, Self.quick)
            defer { again.stop() }
            let returned = try GroupClient("alice", on: again, key: members[0].key)
            let receipts = try follow(log, returned)
            #expect(receipts.acknowledgedByAll == number)
            #expect(receipts.deliveredByAll == number)
        }
    }

    @Test("S4-6: a member that is away is what the others see that all wait for")
    func away() async throws {
        try await withRelay(Self.quick) { relay in
            let (log, members) = try group(relay)
            members[2].client.peer.shutDown()
            let number = try members[0].say(groupID, epoch: 3)
            _ = try follow(log, members[0])
            let receipts = try members[0].readReceipts { receipts in
                receipts.positions.contains { $0.client == members[1].number && $0.delivered == number }
            }
            #expect(receipts.deliveredByAll < number)
            let late = try GroupClient("carol", on: relay, key: members[2].key)
            let last = members[2].followed[log]?.last ?? .zero
            try late.follow(groupID, after: last.rawValue)
            _ = try members[0].readReceipts { $0.deliveredByAll == number }
        }
    }

    @Test("S4-7, RFC 9750 6.3: what was not acknowledged comes again, because the cursor is the client's")
    func redelivery() async throws {
        try await withRelay(Self.quick) { relay in
            let (log, members) = try group(relay)
            let number = try members[0].say(groupID, epoch: 3)
            try members[1].read(log, through: number)
            members[1].client.peer.shutDown()
            let again = try GroupClient("bob", on: relay, key: members[1].key)
            try again.follow(groupID, after: number.rawValue - 1)
            try again.read(log, through: number)
            #expect(again.followed[log]?.entries == [number.rawValue])
        }
    }

    @Test("receipts are told to members, as long as they are members and want them")
    func whoIsTold() async throws {
        try await withRelay(Self.quick) { relay in
            let (log, members) = try group(relay)
            let stranger = try GroupClient("stranger", on: relay)
            // Whoever wants joins this group, so that it is seen; what is in it is not.
            #expect(try stranger.refusal(FollowReceipts(log: log, follow: true)) == .notMember)
            #expect(try stranger.refusal(FollowReceipts(log: LogNumber(rawValue: 999), follow: true)) == .logUnknown)
            for member in members[1...] { _ = try follow(log, member) }
            try members[2].expectReceipts(FollowReceipts(log: log, follow: false))
            try members[0].commit(groupID, epoch: 3, removing: [members[1].number])
            let number = try members[0].say(groupID, epoch: 4)
            _ = try follow(log, members[0])
            _ = try members[0].readReceipts { $0.deliveredByAll == number }
            for member in members[1...] {
                let before = member.receipts.count
                try member.settle()
                // What came was of the time before.
                let late = member.receipts[before...].contains { $0.deliveredByAll == number }
                #expect(!late)
            }
            #expect(try members[1].refusal(FollowReceipts(log: log, follow: true)) == .notMember)
        }
    }

    @Test("S4-14, N-3: two members that were shown two histories learn it in one round of checks")
    func headCheck() async throws {
        try await withRelay { relay in
            let (log, members) = try group(relay)
            let number = try members[0].say(groupID, epoch: 3)
            for member in members { try member.read(log, through: number) }
            func check(_ member: GroupClient, _ change: (inout HeadDigest) -> Void = { _ in }) throws -> HeadCheck {
                var head = HeadDigest(
                    log: log, sequenceNumber: number, chain: member.followed[log]?.hash ?? .zero,
                    epoch: Epoch(rawValue: 3), authenticatorHash: SHA256.hash([3]))
                change(&head)
                guard case .headsChecked(let checked) = try member.request(CheckHeads(heads: [head])) else {
                    throw FakeServer.Failure(description: "not checked")
                }
                return checked.results[0]
            }
            #expect(try check(members[0]).status == .consistent)
            let wrong = try check(members[1]) { $0.chain = SHA256.hash([1]) }
            #expect(wrong.status == .suspect)
            #expect(wrong.members.first { $0.client == members[0].number }?.status == .suspect)
            #expect(try check(members[1]) { $0.chain = SHA256.hash([1]) }.status == .diverged)
            let seen = try check(members[0])
            #expect(seen.status == .consistent)
            #expect(seen.members.first { $0.client == members[1].number }?.status == .diverged)
            // Counted, without saying who.
            let metrics = try relay.metrics()
            #expect(metrics.contains("mlsrelay_divergences_total 1"))

            let tooMany = CheckHeads(
                heads: Array(
                    repeating: HeadDigest(
                        log: log, sequenceNumber: number, chain: .zero, epoch: Epoch(rawValue: 3),
                        authenticatorHash: .zero), count: 257))
            #expect(try members[0].refusal(tooMany) == .tooManyItems)
        }
    }
}
