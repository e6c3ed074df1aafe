import Foundation
import MLSCodec
import MLSCrypto
import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@testable import RelayStore

@Suite("Verify", .serialized)
struct VerifyTests {
    let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory(inMemory: true) }

    /// A relay with a bit of everything. Logs: 1 directory, 2 groups, 3 and 4 inbox and KeyPackages of alice (client
    /// 1), 5 and 6 of bob (client 2), 7 the group "g", 8 the group "h", which was created in epoch 7.
    private func relay() throws -> TestRelay {
        let relay = try TestRelay(.store, in: directory)
        let alice = try relay.register("alice")
        let bob = try relay.register("bob")
        let g = try relay.createGroup("g", by: alice)
        let h = try relay.createGroup("h", epoch: 7, by: bob)
        // Log 6: 1 and 2 of suite 1, 3 of suite 2, 4 a last resort, 5 the next one, 6 that 1 was handed out, 7 of
        // suite 2, 8 that 3 was handed out.
        try relay.publish(Self.packages[0], Self.packages[1], Self.packages[2], Self.packages[3], by: bob)
        try relay.publish(Self.packages[4], by: bob)
        _ = try relay.fetchKeyPackages("bob", by: alice)
        try relay.publish(Self.packages[5], by: bob)
        _ = try relay.fetchKeyPackages("bob", suite: 2, by: alice)
        // Log 7: 1 proposal, 2 commit of epoch 0, 3 application, 4 to 6 commits of epochs 1 to 3, 7 application of
        // epoch 2.
        try relay.publish(
            .proposal("p", "g", 0), .commit("add", "g", 0), .welcome("w", to: [Self.packages[0].reference]),
            .groupInfo("1", "g", 1), .application("a", "g", 1), by: alice)
        for epoch in 1..<4 as Range<UInt64> { try relay.publish(.commit("c\(epoch)", "g", epoch), by: bob) }
        try relay.publish(.application("late", "g", 2), by: bob)
        try relay.publish(.commit("c7", "h", 7), by: bob)
        for log in [g, h] { try relay.acknowledge(log, 1, by: alice) }
        try relay.acknowledge(g, 6, by: bob)
        return relay
    }

    private static let packages: [TestMessage] = [
        .keyPackage("0"), .keyPackage("1"), .keyPackage("2", suite: 2), .keyPackage("last", isLastResort: true),
        .keyPackage("newer", isLastResort: true), .keyPackage("5", suite: 2),
    ]

    private func verify(_ store: Store, rowsPerTransaction: Int = 4096) throws -> (StoreVerifier.Summary, [Finding]) {
        var findings: [Finding] = []
        let verifier = try StoreVerifier(store, rowsPerTransaction: rowsPerTransaction) { findings.append($0) }
        return (try verifier.verify(), findings)
    }

    // MARK: Clean stores

    @Test(
        "a clean store has no findings, however short the transactions are (S0-5, N-13)", arguments: [1, 2, 3, 5, 4096])
    func clean(rowsPerTransaction: Int) throws {
        let (summary, findings) = try verify(relay().store, rowsPerTransaction: rowsPerTransaction)
        #expect(findings == [])
        #expect(summary == StoreVerifier.Summary(logCount: 8, entryCount: 2 + 2 + 8 + 1 + 7 + 1, clientCount: 2))
    }

    @Test("a store with nothing in it is clean, and one without its first logs is not")
    func empty() throws {
        let relay = try TestRelay(.store, in: directory)
        #expect(try verify(relay.store).1 == [])
        let bare = try TemporaryDirectory(inMemory: true)
        let store = try Store(bare.path, access: .relay, configuration: .forTests)
        #expect(try verify(store).1.map(\.problem) == [.missing, .missing])
    }

    @Test("whatever random commands leave behind is clean", arguments: 1...8 as ClosedRange<UInt64>)
    func random(seed: UInt64) throws {
        var limits = CoreLimits()
        limits.maxKeyPackagesPerPool = 3
        let relay = try TestRelay(.store, in: directory, limits: limits)
        var random = RandomCommands(seed: seed)
        for _ in 0..<60 {
            relay.now = random.time(after: relay.now)
            let state = try relay.state
            _ = try relay.carryOut((0..<random.number(in: 1...6)).map { _ in random.command(in: state) })
        }
        #expect(try verify(relay.store, rowsPerTransaction: 7).1 == [])
    }

    @Test("a relay that writes meanwhile is no finding", arguments: [1, 4, 16])
    func beside(rowsPerTransaction: Int) throws {
        let relay = try relay()
        var random = RandomCommands(seed: 1)
        var findings: [Finding] = []
        var steps = 0
        // Progress is shown between transactions. The relay writes there, until the verifier could never catch up.
        let verifier = try StoreVerifier(relay.store, rowsPerTransaction: rowsPerTransaction) { finding in
            findings.append(finding)
        } onProgress: { progress in
            #expect(progress.checkedCount <= progress.totalCount)
            steps += 1
            guard steps < 200 else { return }
            do {
                let state = try relay.state
                _ = try relay.carryOut((0..<4).map { _ in random.command(in: state) })
            } catch {
                Issue.record(error)
            }
        }
        _ = try verifier.verify()
        #expect(findings == [])
        #expect(steps > 15)
        #expect(try verify(relay.store).1 == [])
    }

    // MARK: Damage

    /// A pool's row of a KeyPackage that is good for ever.
    private static func pooled(_ index: Int) -> [UInt8] { key(.max) + packages[index].reference }

    struct Damage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let expected: [String]
        let make: @Sendable (RawStore) throws -> Void
        init(_ description: String, _ expected: String..., make: @escaping @Sendable (RawStore) throws -> Void) {
            testDescription = description
            self.expected = expected
            self.make = make
        }
    }

    /// Where the parts of a stored entry begin: hash, then length (2 bytes), type and request id, then the header.
    private enum Offset {
        static let log = 32 + 2 + 5
        static let sequenceNumber = log + 8
        static let time = log + 16
        static let sender = log + 24
        static let kind = log + 32
        static let chain = log + 33
    }

    private static func keyID(_ name: String) -> [UInt8] { Identity.keyID(Identity.test(name).signatureKey) }

    /// The record of a client that was registered when the relay's second registration was.
    private static func client(
        _ name: String, user: UInt64, key: UInt8 = 1, _ change: (inout ClientRecord) -> Void = { _ in }
    ) -> [UInt8] {
        var record = ClientRecord(
            user: UserNumber(rawValue: user), identity: .test(name, key: key), clientName: [],
            registered: Timestamp(rawValue: 1_000_002))
        change(&record)
        return record.encoded
    }

    private static func user(_ name: String, _ change: (inout UserRecord) -> Void = { _ in }) -> [UInt8] {
        var record = UserRecord(
            name: Array(name.utf8), visibility: .listed, registered: Timestamp(rawValue: 1_000_002))
        change(&record)
        return record.encoded
    }

    private static func poolKey(_ client: UInt64, _ suite: UInt8, _ isLastResort: UInt8, _ number: UInt64) -> [UInt8] {
        key(client) + [0, suite, isLastResort] + key(number)
    }

    /// An entry of log 7 that nobody published.
    private static func entry(_ message: TestMessage, log: UInt64, _ number: UInt64) -> [UInt8] {
        let header = EntryHeader(
            log: LogNumber(rawValue: log), sequenceNumber: SequenceNumber(rawValue: number),
            time: Timestamp(rawValue: 2_000_000), sender: ClientNumber(rawValue: 1), kind: .message)
        let entry = Entry(header: header, chain: .zero, payload: message.bytes)
        return SHA256.hash(message.bytes).bytes + EntryFrame(entry).frame(.none)
    }

    static let damages: [Damage] = [
        // Entries.
        Damage("a byte of a payload", "payloadHash entries 7 3") {
            try $0.change(.entries, key(7, 3)) { $0[$0.count - 1] ^= 1 }
        },
        Damage("a byte of a stored hash", "payloadHash entries 7 3") {
            try $0.change(.entries, key(7, 3)) { $0[0] ^= 1 }
        },
        Damage("a byte of a chain hash", "chain entries 7 3") {
            try $0.change(.entries, key(7, 3)) { $0[Offset.chain] ^= 1 }
        },
        Damage("a byte of the last chain hash", "chain entries 7 7") {
            try $0.change(.entries, key(7, 7)) { $0[Offset.chain] ^= 1 }
        },
        Damage("the time of an entry, set back", "chain entries 7 3", "time entries 7 3") {
            try $0.change(.entries, key(7, 3)) {
                $0[Offset.time + 7] = 0
                $0[Offset.time + 6] = 0
            }
        },
        Damage("the time of an entry, set forward", "chain entries 7 3") {
            try $0.change(.entries, key(7, 3)) { $0[Offset.time] = 1 }
        },
        Damage("the sender of an entry", "chain entries 7 3") {
            try $0.change(.entries, key(7, 3)) { $0[Offset.sender + 7] = 2 }
        },
        Damage("a sender that is nobody", "chain entries 7 3", "misplaced entries 7 3") {
            try $0.change(.entries, key(7, 3)) { $0[Offset.sender + 7] = 9 }
        },
        Damage("the kind of an entry", "chain entries 7 3", "misplaced entries 7 3") {
            try $0.change(.entries, key(7, 3)) { $0[Offset.kind] = 2 }
        },
        Damage("an entry's own log", "contradiction entries 7 3", "chain entries 7 3") {
            try $0.change(.entries, key(7, 3)) { $0[Offset.log + 7] = 6 }
        },
        Damage("an entry's own number", "contradiction entries 7 3", "chain entries 7 3") {
            try $0.change(.entries, key(7, 3)) { $0[Offset.sequenceNumber + 7] = 4 }
        },
        Damage("a frame's length", "undecodable entries 7 3") { try $0.change(.entries, key(7, 3)) { $0[33] ^= 1 } },
        Damage("a frame's type", "undecodable entries 7 3") { try $0.change(.entries, key(7, 3)) { $0[34] = 1 } },
        Damage("an entry cut short", "undecodable entries 7 3") {
            try $0.change(.entries, key(7, 3)) { $0.removeLast(20) }
        },
        Damage("an entry of a few bytes", "undecodable entries 7 3") {
            try $0.change(.entries, key(7, 3)) { $0 = [1, 2, 3] }
        },
        Damage("an entry deleted", "missingEntries entries 7 3") { try $0.remove(.entries, key(7, 3)) },
        Damage("the first entry deleted", "missingEntries entries 7 1") { try $0.remove(.entries, key(7, 1)) },
        Damage("the last entry deleted", "missingEntries entries 7 7") { try $0.remove(.entries, key(7, 7)) },
        Damage("a commit deleted", "missingEntries entries 7 4", "stray commits 7 4") {
            try $0.remove(.entries, key(7, 4))
        },
        Damage(
            "all entries of a log deleted", "missingEntries entries 7 1", "stray commits 7 2", "stray commits 7 4",
            "stray commits 7 5", "stray commits 7 6"
        ) { raw in for number in 1...7 as ClosedRange<UInt64> { try raw.remove(.entries, key(7, number)) } },
        Damage(
            "two entries exchanged", "contradiction entries 7 3", "chain entries 7 3", "epoch entries 7 3",
            "chain entries 7 4", "contradiction entries 7 7", "chain entries 7 7", "time entries 7 7", "head heads 7 -"
        ) { raw in
            var first: [UInt8] = []
            try raw.change(.entries, key(7, 3)) { first = $0 }
            var second: [UInt8] = []
            try raw.change(.entries, key(7, 7)) {
                second = $0
                $0 = first
            }
            try raw.put(.entries, key(7, 3), second)
        },
        Damage("an entry behind the last", "strayEntry entries 7 8") {
            try $0.put(.entries, key(7, 8), entry(.application("x", "g", 4), log: 7, 8))
        },
        Damage("an entry before the first", "strayEntry entries 7 0") {
            try $0.put(.entries, key(7, 0), entry(.application("x", "g", 4), log: 7, 0))
        },
        Damage("an entry of no log", "strayEntry entries 99 -") {
            try $0.put(.entries, key(99, 1), entry(.application("x", "g", 4), log: 99, 1))
        },
        Damage("an entry of another group", "chain entries 7 3", "misplaced entries 7 3", "chain entries 7 4") {
            try $0.put(.entries, key(7, 3), entry(.application("x", "h", 0), log: 7, 3))
        },
        Damage(
            "an entry that is no MLSMessage", "chain entries 7 3", "malformedPayload entries 7 3", "chain entries 7 4"
        ) { try $0.put(.entries, key(7, 3), entry(TestMessage(bytes: [1, 2]), log: 7, 3)) },
        Damage("a Welcome in a group", "chain entries 7 3", "misplaced entries 7 3", "chain entries 7 4") {
            try $0.put(.entries, key(7, 3), entry(.welcome("w", to: []), log: 7, 3))
        },
        Damage("a Welcome for others", "chain entries 5 1", "misplaced entries 5 1", "head heads 5 -") {
            try $0.put(.entries, key(5, 1), entry(.welcome("w", to: [[1]]), log: 5, 1))
        },
        Damage("a message of an epoch to come", "chain entries 7 3", "epoch entries 7 3", "chain entries 7 4") {
            try $0.put(.entries, key(7, 3), entry(.application("x", "g", 2), log: 7, 3))
        },
        Damage(
            "a commit instead of a message", "chain entries 7 3", "chain entries 7 4", "epoch entries 7 4",
            "contradiction commits 7 3"
        ) { try $0.put(.entries, key(7, 3), entry(.commit("x", "g", 1), log: 7, 3)) },
        // Heads.
        Damage(
            "a head deleted", "missing heads 7 -", "stray groupInfos 7 -", "stray acknowledged 7 -",
            "stray acknowledged 7 -", "strayEntry entries 7 -", "stray commits 7 -"
        ) { try $0.remove(.heads, key(7)) },
        Damage("a head cut short", "undecodable heads 7 -") { try $0.change(.heads, key(7)) { $0.removeLast() } },
        Damage("the kind of a head", "contradiction heads 7 -", "stray groupInfos 7 -", "stray commits 7 -") {
            try $0.change(.heads, key(7)) { $0[0] = 2 }
        },
        Damage("the first entry of a head", "missing usage 7 -", "strayEntry entries 7 1") {
            try $0.change(.heads, key(7)) { $0[8] = 2 }
        },
        Damage("a head of entries that cannot be", "undecodable heads 7 -") {
            try $0.change(.heads, key(7)) { $0[8] = 9 }
        },
        Damage("a head that is behind", "head heads 7 -", "head heads 7 -", "strayEntry entries 7 7") {
            try $0.change(.heads, key(7)) { $0[16] = 6 }
        },
        Damage("a head that is ahead", "missingEntries entries 7 8") { try $0.change(.heads, key(7)) { $0[16] = 9 } },
        Damage("a head with the last number there is", "undecodable heads 7 -") {
            try $0.change(.heads, key(7)) { $0.replaceSubrange(9..<17, with: key(.max)) }
        },
        Damage("the epoch of a head", "head heads 7 -") { try $0.change(.heads, key(7)) { $0[24] = 3 } },
        Damage("the epoch of a head whose group lived before", "head heads 8 -") {
            try $0.change(.heads, key(8)) { $0[24] = 1 }
        },
        Damage("the creator of a head", "contradiction heads 7 -") { try $0.change(.heads, key(7)) { $0[32] = 2 } },
        Damage("the time of a head", "head heads 7 -") { try $0.change(.heads, key(7)) { $0[40] ^= 1 } },
        Damage("the chain hash of a head", "head heads 7 -") { try $0.change(.heads, key(7)) { $0[72] ^= 1 } },
        Damage("a head of no log", "missing names 99 -") {
            try $0.put(.heads, key(99), [UInt8](repeating: 0, count: 73))
        },
        // Names.
        Damage("a name deleted", "stray logs 7 -", "missing names 7 -", "missing names 7 -") {
            try $0.remove(.names, key(7))
        },
        Damage(
            "a name changed", "missing logs 7 -", "stray logs 7 -", "contradiction names 7 -", "chain entries 7 1",
            "misplaced entries 7 1", "misplaced entries 7 2", "misplaced entries 7 3", "misplaced entries 7 4",
            "misplaced entries 7 5", "misplaced entries 7 6", "misplaced entries 7 7", "misplaced groupInfos 7 -"
        ) { try $0.put(.names, key(7), [1] + Array("x".utf8)) },
        Damage(
            "a name's kind changed", "undecodable names 7 -", "missing logs 7 -", "stray logs 7 -",
            "contradiction names 7 -", "contradiction heads 7 -", "chain entries 7 1", "misplaced entries 7 1",
            "misplaced entries 7 2", "misplaced entries 7 3", "misplaced entries 7 4", "misplaced entries 7 5",
            "misplaced entries 7 6", "misplaced entries 7 7"
        ) { try $0.put(.names, key(7), [2] + Array("g".utf8)) },
        Damage("a name that is none", "undecodable names 7 -") { try $0.put(.names, key(7), []) },
        Damage("the index row of a name deleted", "missing logs 7 -") { try $0.remove(.logs, [1] + Array("g".utf8)) },
        Damage("the index row of a name changed", "contradiction logs 7 -", "stray logs 8 -") {
            try $0.put(.logs, [1] + Array("g".utf8), key(8))
        },
        Damage("an index row that no log has", "stray logs 99 -") { try $0.put(.logs, [1] + Array("x".utf8), key(99)) },
        Damage("an index row that is none", "undecodable logs - -") { try $0.put(.logs, [9, 9], key(7)) },
        Damage("the log of groups without its name", "missing logs 2 -") { try $0.remove(.logs, [5]) },
        // Commits.
        Damage("the row of a commit deleted", "missing commits 7 4") { try $0.remove(.commits, key(7, 1)) },
        Damage("the row of a commit changed", "contradiction commits 7 4") { try $0.put(.commits, key(7, 1), key(3)) },
        Damage("a row of no commit", "stray commits 7 3") { try $0.put(.commits, key(7, 9), key(3)) },
        Damage("a commit's row that is none", "undecodable commits 7 4") { try $0.put(.commits, key(7, 1), [1]) },
        Damage("a row of a commit in no group", "stray commits 1 -") { try $0.put(.commits, key(1, 1), key(1)) },
        // Clients.
        Damage(
            "a client deleted", "missing clients 5 -", "missing clients 6 -", "stray userClients - -",
            "stray signatureKeys - -", "missing clients 1 2", "misplaced entries 7 4", "misplaced entries 7 5",
            "misplaced entries 7 6", "misplaced entries 7 7", "misplaced entries 8 1", "stray keyPackages - -",
            "stray keyPackages - -", "stray keyPackages - -", "stray acknowledged 7 -"
        ) { try $0.remove(.clients, key(2)) },
        Damage("a client's key changed", "missing signatureKeys - -", "contradiction clients 1 2") {
            try $0.put(.clients, key(2), client("bob", user: 2, key: 9))
        },
        Damage("a client that does not decode", "undecodable clients - -") {
            try $0.change(.clients, key(2)) { $0.removeLast() }
        },
        Damage(
            "a client that nobody registered", "missing logs - -", "missing logs - -", "missing users - -",
            "missing userClients - -", "missing signatureKeys - -", "missing entries - -"
        ) { try $0.put(.clients, key(3), client("carol", user: 3, key: 9)) },
        Damage(
            "a client of another user", "contradiction users - -", "missing userClients - -", "stray userClients - -",
            "contradiction clients 1 2"
        ) { try $0.put(.clients, key(2), client("bob", user: 1)) },
        Damage("a user deleted", "missing users - -", "stray userNames - -") { try $0.remove(.users, key(2)) },
        Damage("a user that does not decode", "undecodable users - -") {
            try $0.change(.users, key(2)) { $0.removeLast() }
        },
        Damage("a user without a client", "missing userNames - -", "missing userClients - -") {
            try $0.put(.users, key(3), user("carol"))
        },
        Damage("a user's name deleted", "missing userNames - -", "stray listedNames - -") {
            try $0.remove(.userNames, Array("bob".utf8))
        },
        Damage("a user's name that is another's", "contradiction userNames - -", "stray userNames - -") {
            try $0.put(.userNames, Array("bob".utf8), key(1))
        },
        Damage("a name of nobody", "stray userNames - -") { try $0.put(.userNames, Array("carol".utf8), key(3)) },
        Damage(
            "a client that its user does not have", "missing userClients - -", "missing userClients - -",
            "stray listedNames - -"
        ) {
            try $0.remove(.userClients, key(2, 2))
        },
        Damage("a client that another user has too", "stray userClients - -") {
            try $0.put(.userClients, key(1, 2), [])
        },
        Damage("a user's client that is none", "stray userClients - -") { try $0.put(.userClients, key(2, 3), []) },
        Damage("a client's key that cannot be found", "missing signatureKeys - -") {
            try $0.remove(.signatureKeys, keyID("bob"))
        },
        Damage("a client's key that is another's", "contradiction signatureKeys - -") {
            try $0.put(.signatureKeys, keyID("bob"), key(1))
        },
        Damage("a key that no client had", "stray signatureKeys - -") {
            try $0.put(.signatureKeys, keyID("carol"), key(2))
        },
        Damage("the time of a registration", "contradiction clients 1 2") {
            try $0.put(.clients, key(2), client("bob", user: 2) { $0.registered = Timestamp(rawValue: 5) })
        },
        Damage("the age of a key", "contradiction clients 1 2") {
            try $0.put(.clients, key(2), client("bob", user: 2) { $0.keySince = Timestamp(rawValue: 5) })
        },
        Damage("a client's name", "contradiction clients 1 2") {
            try $0.put(.clients, key(2), client("bob", user: 2) { $0.clientName = [0x61] })
        },
        Damage("a credential that was not told", "contradiction clients 1 2") {
            try $0.put(.clients, key(2), client("bob", user: 2) { $0.credentialNotAfter = Timestamp(rawValue: 5) })
        },
        Damage("a revocation that was not told", "stray listedNames - -", "contradiction clients 1 2") {
            try $0.put(.clients, key(2), client("bob", user: 2) { $0.isRevoked = true })
        },
        Damage("a suspension that was not told", "stray listedNames - -", "contradiction users 1 2") {
            try $0.put(.users, key(2), user("bob") { $0.isSuspended = true })
        },
        Damage("the time of a user", "contradiction users 1 2") {
            try $0.put(.users, key(2), user("bob") { $0.registered = Timestamp(rawValue: 5) })
        },
        Damage("a user that a search finds and may not", "stray listedNames - -") {
            try $0.put(.users, key(2), user("bob") { $0.visibility = .hidden })
        },
        Damage("a user that no search finds", "missing listedNames - -") {
            try $0.remove(.listedNames, Array("bob".utf8))
        },
        Damage("a name that a search finds and nobody has", "stray listedNames - -") {
            try $0.put(.listedNames, Array("carol".utf8), [])
        },
        Damage("a token that does not decode", "undecodable tokens - -") {
            try $0.put(.tokens, [1], [2])
        },
        Damage("a key of no client", "stray signatureKeys - -") {
            try $0.put(.signatureKeys, keyID("carol"), key(3))
        },
        Damage("an inbox's index row deleted", "missing logs 5 -", "missing logs - -") {
            try $0.remove(.logs, [2] + key(2))
        },
        Damage("a registration deleted", "missingEntries entries 1 2", "missing entries - -") {
            try $0.remove(.entries, key(1, 2))
        },
        Damage("a creation deleted", "missingEntries entries 2 1", "missing entries 7 -") {
            try $0.remove(.entries, key(2, 1))
        },
        // KeyPackages.
        Damage("a KeyPackage gone from its pool", "missing keyPackages 6 2") {
            try $0.remove(.keyPackages, poolKey(2, 1, 0, 2))
        },
        Damage("a last resort gone", "missing keyPackages 6 5") { try $0.remove(.keyPackages, poolKey(2, 1, 1, 5)) },
        Damage("a KeyPackage back in its pool", "handedOut keyPackages 6 1") {
            try $0.put(.keyPackages, poolKey(2, 1, 0, 1), pooled(0))
        },
        Damage("an earlier last resort back", "stray keyPackages 6 4") {
            try $0.put(.keyPackages, poolKey(2, 1, 1, 4), pooled(3))
        },
        Damage("a KeyPackage in the pool of another suite", "contradiction keyPackages 6 7") { raw in
            try raw.remove(.keyPackages, poolKey(2, 2, 0, 7))
            try raw.put(.keyPackages, poolKey(2, 1, 0, 7), pooled(5))
        },
        Damage("a pool's row with another reference", "contradiction keyPackages 6 2") {
            try $0.put(.keyPackages, poolKey(2, 1, 0, 2), pooled(0))
        },
        Damage("a pool's row with another lifetime", "contradiction keyPackages 6 2") {
            try $0.put(.keyPackages, poolKey(2, 1, 0, 2), key(7) + packages[1].reference)
        },
        Damage("a pool's row of no KeyPackage", "stray keyPackages 6 6") {
            try $0.put(.keyPackages, poolKey(2, 1, 0, 6), pooled(0))
        },
        Damage("a pool's row of no client", "stray keyPackages - -") {
            try $0.put(.keyPackages, poolKey(9, 1, 0, 1), pooled(0))
        },
        Damage("a pool's row that is none", "undecodable keyPackages - -") { try $0.put(.keyPackages, [1, 2, 3], []) },
        Damage("a reference deleted", "missing keyPackageRefs 6 2") {
            try $0.remove(.keyPackageRefs, packages[1].reference)
        },
        Damage("a reference to another KeyPackage", "contradiction keyPackageRefs 6 2", "stray keyPackageRefs 6 1") {
            try $0.put(.keyPackageRefs, packages[1].reference, key(2, 1))
        },
        Damage("a reference to nothing", "stray keyPackageRefs 6 99") {
            try $0.put(.keyPackageRefs, [1, 2, 3], key(2, 99))
        },
        Damage("a reference to nobody's", "stray keyPackageRefs - 1") {
            try $0.put(.keyPackageRefs, [1, 2, 3], key(9, 1))
        },
        Damage("a reference that is none", "undecodable keyPackageRefs - -") {
            try $0.put(.keyPackageRefs, [1, 2, 3], [1])
        },
        Damage(
            "a KeyPackage handed out twice", "payloadHash entries 6 8", "handedOut entries 6 8",
            "missing keyPackages 6 3"
        ) { try $0.change(.entries, key(6, 8)) { $0[$0.count - 9] = 1 } },
        Damage(
            "a KeyPackage handed out that is none", "payloadHash entries 6 8", "handedOut entries 6 8",
            "missing keyPackages 6 3"
        ) { try $0.change(.entries, key(6, 8)) { $0[$0.count - 9] = 6 } },
        Damage("a KeyPackage handed out to nobody", "payloadHash entries 6 8", "handedOut entries 6 8") {
            try $0.change(.entries, key(6, 8)) { $0[$0.count - 1] = 9 }
        },
        // GroupInfos and acknowledgements.
        Damage("a GroupInfo of no group", "stray groupInfos 3 -") {
            try $0.put(.groupInfos, key(3), TestMessage.groupInfo("x", "g", 0).bytes)
        },
        Damage("a GroupInfo of no log", "stray groupInfos 99 -") {
            try $0.put(.groupInfos, key(99), TestMessage.groupInfo("x", "g", 0).bytes)
        },
        Damage("a GroupInfo of another group", "misplaced groupInfos 7 -") {
            try $0.put(.groupInfos, key(7), TestMessage.groupInfo("x", "h", 0).bytes)
        },
        Damage("a GroupInfo of an epoch to come", "epoch groupInfos 7 -") {
            try $0.put(.groupInfos, key(7), TestMessage.groupInfo("x", "g", 5).bytes)
        },
        Damage("a GroupInfo that is none", "malformedPayload groupInfos 7 -") {
            try $0.put(.groupInfos, key(7), TestMessage.commit("x", "g", 0).bytes)
        },
        Damage("an acknowledgement ahead of its log", "acknowledgedAhead acknowledged 7 -") {
            try $0.put(.acknowledged, key(7, 1), key(8))
        },
        Damage("an acknowledgement of no log", "stray acknowledged 99 -") {
            try $0.put(.acknowledged, key(99, 1), key(1))
        },
        Damage("an acknowledgement of nobody", "stray acknowledged 7 -") {
            try $0.put(.acknowledged, key(7, 9), key(1))
        },
        Damage("an acknowledgement that is none", "undecodable acknowledged - -") {
            try $0.put(.acknowledged, key(7, 1), [1])
        },
    ]

    @Test("damage is found, and named where it is (N-13)", arguments: damages, [2, 4096])
    func damaged(_ damage: Damage, rowsPerTransaction: Int) throws {
        let copy = directory.path + "/copy"
        try relay().store.backUp(to: copy)
        try damage.make(RawStore(directory: copy))
        let (summary, findings) = try verify(Store(copy, access: .inspector), rowsPerTransaction: rowsPerTransaction)
        let places = findings.map { finding in
            let log = finding.log?.description ?? "-"
            return "\(finding.problem) \(finding.table) \(log) \(finding.sequenceNumber?.description ?? "-")"
        }
        #expect(places == damage.expected, "\(findings.map(\.description).joined(separator: "\n"))")
        #expect(summary.findingCount == findings.count)
    }

    @Test("no byte of an entry, a head or an index can change unnoticed, nor is any a crash (N-13)")
    func everyByte() throws {
        let copy = directory.path + "/copy"
        try relay().store.backUp(to: copy)
        let raw = RawStore(directory: copy)
        let rows: [(RawStore.Table, [UInt8])] = [
            (.entries, key(7, 2)), (.entries, key(6, 6)), (.entries, key(2, 2)), (.heads, key(7)), (.names, key(8)),
            (.logs, [1] + Array("g".utf8)), (.commits, key(7, 2)), (.userNames, Array("bob".utf8)),
            (.clients, key(1)), (.users, key(2)), (.signatureKeys, Self.keyID("bob")),
            (.keyPackageRefs, Self.packages[1].reference), (.keyPackages, Self.poolKey(2, 1, 0, 2)),
        ]
        for (table, row) in rows {
            var byteCount = 0
            try raw.change(table, row) { byteCount = $0.count }
            for index in 0..<byteCount {
                try raw.change(table, row) { $0[index] ^= 0x21 }
                let findings = try verify(Store(copy, access: .inspector)).1
                #expect(!findings.isEmpty, "byte \(index) of \(table) \(row.hex)")
                try raw.change(table, row) { $0[index] ^= 0x21 }
            }
        }
        #expect(try verify(Store(copy, access: .inspector)).1 == [])
    }

    @Test("a byte that changes in the file is found in the entry whose it is")
    func inTheFile() throws {
        let copy = directory.path + "/copy"
        let relay = try relay()
        let text = "somewhere in the middle of the file"
        try relay.publish(.application(text, "g", 4), .application("another", "g", 4), by: ClientNumber(rawValue: 1))
        try relay.store.backUp(to: copy)
        let file = URL(fileURLWithPath: copy + "/data.mdb")
        var bytes = try Data(contentsOf: file)
        let place = try #require(bytes.range(of: Data(text.utf8)))
        bytes[place.lowerBound + 3] ^= 0x40
        try bytes.write(to: file)
        let findings = try verify(Store(copy, access: .inspector)).1
        #expect(findings.map(\.place) == ["entries, log 7, entry 8"])
        #expect(findings.map(\.problem) == [.payloadHash])
    }
}
