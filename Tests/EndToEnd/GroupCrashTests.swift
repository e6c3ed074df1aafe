import ClientTransport
import MLSCodec
import MLSCrypto
import MLSTestSupport
import RelayConnection
import RelayCore
import RelayStore
import RelayTestSupport
import RelayWire
import Synchronization
import TLSPresentation
import TestSupport
import Testing

/// Four members who race to change a group, and a fifth who comes and goes, while the relay is killed again and again.
@Suite("A relay that is killed leaves no half commit (N-1)", .timeLimit(.minutes(3)), .serialized)
struct GroupCrashTests {
    private static let group = "g"
    private static var groupID: [UInt8] { Array(group.utf8) }

    /// What members were told of, to be found again after each kill.
    private final class Told: Sendable {
        private let state = Mutex<(receipts: [Receipt], target: Int)>(([], .max))
        let (ticks, tick) = AsyncStream.makeStream(of: Void.self)

        var receipts: [Receipt] { state.withLock { $0.receipts } }
        func expect(_ count: Int) { state.withLock { $0.target = $0.receipts.count + count } }
        func add(_ receipts: [Receipt]) {
            let isEnough = state.withLock { state in
                state.receipts += receipts
                return state.receipts.count >= state.target
            }
            if isEnough { tick.yield() }
        }
    }

    @Test(
        "N-1: a commit, its Welcome, its GroupInfo and the roster are stored together or not at all, whenever it is killed"
    )
    func killed() async throws {
        let directory = try TemporaryDirectory()
        let data = directory.path + "/data"
        var generator = SeededGenerator(seed: 1)
        let identities = try (0..<4).map { try ConnectionIdentity.generate(name: "member \($0)") }
        let guest = try ConnectionIdentity.generate(name: "guest")
        let told = Told()
        for round in 0..<8 {
            let relay = try await onThread {
                try RelayProcess(dataDirectory: data)
            }
            var configuration = RelayConnectionConfiguration()
            configuration.registers = true
            configuration.requestTimeout = .seconds(20)
            let url = try RelayURL(relay.urls["tcp"] ?? "")
            var clients: [RelayConnection] = []
            for identity in identities + [guest] {
                let client = try RelayConnection(url: url, identity: identity, configuration: configuration)
                try await client.connect()
                clients.append(client)
            }
            if round == 0 { try await create(clients) }
            try await publishKeyPackages(clients[4], guest, round)

            told.expect(Int.random(in: 5...60, using: &generator))
            let members = clients[..<4].enumerated().map { index, client in
                Task { await Self.live(client, "\(round).\(index)", guest, told) }
            }
            for await _ in told.ticks { break }
            try await onThread { try relay.kill() }
            for client in clients { await client.close() }
            for member in members { await member.value }
            try await check(data, told)
        }
        #expect(told.receipts.count > 40)
    }

    private func create(_ clients: [RelayConnection]) async throws {
        var policy = GroupPolicy()
        policy.mode = .privateHandshake
        policy.join = .open
        policy.mayRemove = .member
        let create = CreateGroup(
            groupID: Self.groupID, epoch: Epoch(rawValue: 0), name: [], alias: [], policy: policy,
            messages: [
                TestMessage.commit("first", Self.group, 0).bytes, TestMessage.groupInfo("first", Self.group, 1).bytes,
            ])
        let created: GroupCreated = try await clients[0].ask(create, isRepeatable: true)
        #expect(created.receipts.count == 1)
        for (index, client) in clients[1..<4].enumerated() {
            let epoch = UInt64(index) + 1
            let commit = TestMessage.externalCommit("join \(index)", Self.group, epoch)
            _ = try await client.publish([commit.bytes, TestMessage.groupInfo("\(epoch)", Self.group, epoch + 1).bytes])
        }
    }

    private func publishKeyPackages(_ client: RelayConnection, _ identity: ConnectionIdentity, _ round: Int)
        async throws
    {
        let device = try TestClient(identity.name, key: identity.key)
        let left = try await client.countKeyPackages().first?.count ?? 0
        for _ in left..<80 { _ = try await client.publish([device.publishableKeyPackage()]) }
    }

    /// Speaks, and takes the guest in or throws it out, until the relay is gone.
    private static func live(_ client: RelayConnection, _ name: String, _ guest: ConnectionIdentity, _ told: Told) async
    {
        var count = 0
        while !Task.isCancelled {
            count += 1
            do throws(RelayConnectionError) {
                let group: GroupDescription = try await client.ask(
                    DescribeGroup(groupID: groupID), isRepeatable: false, timeout: .seconds(5))
                let epoch = group.epoch.rawValue
                let text = "\(name).\(count)"
                if count.isMultiple(of: 3) {
                    let message = TestMessage.application(text, Self.group, epoch)
                    let published: Published = try await client.ask(
                        Publish(messages: [message.bytes]), isRepeatable: false, timeout: .seconds(5))
                    told.add(published.receipts)
                    continue
                }
                var messages = [TestMessage.commit(text, Self.group, epoch).bytes]
                var (added, removed): ([ClientNumber], [ClientNumber]) = ([], [])
                if let member = group.members.first(where: { $0.name == Array(guest.name.utf8) }) {
                    removed = [member.client]
                } else {
                    let request = KeyPackageRequest(
                        name: Array(guest.name.utf8), cipherSuite: CipherSuite(rawValue: 1))
                    let answer: KeyPackages = try await client.ask(
                        FetchKeyPackages(requests: [request]), isRepeatable: false, timeout: .seconds(5))
                    guard let result = answer.results.first, result.error == .none,
                        let reference = try? TestClient.reference(of: result.message)
                    else { continue }
                    added = [result.client]
                    messages.append(TestMessage.welcome(text, to: [reference]).bytes)
                }
                messages.append(TestMessage.groupInfo(text, Self.group, epoch + 1).bytes)
                let published: Published = try await client.ask(
                    PublishCommit(messages: messages, added: added, removed: removed), isRepeatable: false,
                    timeout: .seconds(5))
                told.add(published.receipts)
            } catch {
                // A lost race, a turn of another's, or no KeyPackage left for now: on. Else the relay is gone.
                if error.code.relayCode == nil { return }
            }
        }
    }

    /// What is there after a kill is whole, and has everything that anybody was told of.
    private func check(_ data: String, _ told: Told) async throws {
        let receipts = told.receipts
        try await onThread {
            let verified = try ToolProcess("mlsrelay-tool", ["verify", "--data", data])
            #expect(try verified.wait() == 0, "\(verified.output)\(verified.errors)")
            let reader = try StoreReader(Store(data, access: .inspector))
            let state = try reader.read { (snapshot) throws(StoreError) in
                try MemoryState(contentsOf: snapshot, duplicateWindow: 10)
            }
            #expect(state.brokenInvariants == [])
            #expect(state.brokenGroupInvariants == [])
            for receipt in receipts {
                let entries = state.entries[receipt.log] ?? []
                let index = Int(receipt.sequenceNumber.rawValue) - 1
                guard entries.indices.contains(index) else {
                    Issue.record("entry \(receipt.sequenceNumber) of log \(receipt.log) is lost")
                    continue
                }
                #expect(entries[index].chain == receipt.chain)
            }
        }
    }
}
