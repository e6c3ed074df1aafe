import MLS
import MLSCodec
import MLSTestSupport
import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

/// Goal: whatever comes, no KeyPackage is handed out twice or when it is over, each pool is first in, first out, and both
/// states do the same.
///
/// Method: random publishing, fetching, inviting, answering, taking and passing of time on a relay in memory and one on
/// LMDB. A model that is slow and obvious, a list for each owner, says what each fetch, reservation and return must be. A
/// seed determines a run.
@Suite("Pools of KeyPackages")
struct PoolPropertyTests {
    static let seeds: [UInt64] = Array(1...16)
    static let owners = ["carol", "dave", "erin"]
    static let suite = CipherSuite(rawValue: 1)

    /// What an owner's KeyPackages should be.
    struct Model {
        struct Package {
            enum Place: Equatable {
                case pool
                case reserved(InvitationNumber)
                case gone
            }
            var message: [UInt8]
            var isLastResort: Bool
            var notAfter: UInt64
            var place = Place.pool
        }
        var packages: [Package] = []

        /// The first that can be handed out, else the last resort.
        func next(at seconds: UInt64) -> Int? {
            let free = packages.indices.filter { packages[$0].place == .pool && packages[$0].notAfter > seconds }
            return free.first { !packages[$0].isLastResort } ?? free.last { packages[$0].isLastResort }
        }

        mutating func publish(_ package: Package) {
            if package.isLastResort {
                for index in packages.indices where packages[index].isLastResort { packages[index].place = .gone }
            }
            packages.append(package)
        }
    }

    /// Two relays that are asked the same.
    struct Pair {
        let scenes: [InvitationScene]
        var relays: [TestRelay] { scenes.map(\.relay) }
        var now: UInt64 { relays[0].now.rawValue / 1000 }

        init(_ directory: TemporaryDirectory) throws {
            var limits = CoreLimits()
            limits.maxKeyPackagesPerPool = 6
            limits.keyPackageLowWater = 2
            (limits.keyPackageFetches, limits.keyPackageFetchesPerUser) = (0, 0)
            scenes = try TestRelay.StateKind.allCases.map { kind in
                let scene = try GroupScene(kind, in: directory, framing: .privateMessage, limits: limits)
                try scene.register("alice")
                try scene.create(by: "alice", policy: GroupScene.policy(.privateMessage, join: .invitation))
                for owner in PoolPropertyTests.owners { _ = try scene.relay.register(owner) }
                return InvitationScene(scene: scene)
            }
        }

        /// The outcome of both, which must be the same.
        func perform(_ action: TestCommand.Action, by client: ClientNumber) throws -> Outcome {
            let outcomes = try relays.map { relay in
                try relay.carryOut([TestCommand(action, by: client)])[0].outcome
            }
            try #require(outcomes[0] == outcomes[1])
            for relay in relays { relay.now = Timestamp(rawValue: relay.now.rawValue + 1) }
            return outcomes[0]
        }

        func perform(_ action: InvitationAction, by client: ClientNumber) throws -> Outcome {
            try perform(.other(.invitation(action)), by: client)
        }
    }

    private func number(_ random: inout RandomCommands, _ range: ClosedRange<Int>) -> Int { random.number(in: range) }

    @Test("N-9: no KeyPackage twice, none that is over, and the order kept, whatever comes", arguments: seeds)
    func pools(seed: UInt64) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let pair = try Pair(directory)
        var random = RandomCommands(seed: seed)
        let alice = pair.scenes[0].scene["alice"].client
        let clients = try Self.owners.map { try #require(try pair.relays[0].state.client(of: .test($0))) }
        var models = Self.owners.map { _ in Model() }
        /// Open invitations, by owner: what is kept, and whether it was taken.
        var open: [Int: (number: InvitationNumber, package: Int?, isTaken: Bool, isAccepted: Bool)] = [:]
        var counts: [String: Int] = [:]
        var texts = 0

        func giveBack(_ owner: Int) {
            guard let invitation = open.removeValue(forKey: owner), !invitation.isTaken else { return }
            for index in models[owner].packages.indices
            where models[owner].packages[index].place == .reserved(invitation.number) {
                let isOver = models[owner].packages[index].notAfter <= pair.now
                models[owner].packages[index].place = isOver ? .gone : .pool
                counts[isOver ? "over" : "returned", default: 0] += 1
            }
        }

        for step in 0..<200 {
            let owner = number(&random, 0...2)
            let client = clients[owner]
            let name = Array(Self.owners[owner].utf8)
            let place = "seed \(seed), step \(step)"
            switch number(&random, 0...9) {
            case 0, 1, 2:
                texts += 1
                let isLastResort = random.once(in: 6)
                let notAfter = random.once(in: 3) ? pair.now + UInt64(number(&random, 1...30)) : UInt64.max / 1000
                let message = TestMessage.keyPackage("\(texts)", isLastResort: isLastResort, notAfter: notAfter)
                let outcome = try pair.perform(.publish([message]), by: client)
                let free = models[owner].packages.count {
                    !$0.isLastResort && $0.place == .pool && $0.notAfter > pair.now
                }
                if case .refused(let error) = outcome {
                    try #require(error.code == .keyPackagePoolFull && free >= 6 && !isLastResort, "\(place)")
                } else {
                    models[owner].publish(
                        Model.Package(message: message.bytes, isLastResort: isLastResort, notAfter: notAfter))
                }
            case 3, 4, 5:
                let request = KeyPackageRequest(name: name, cipherSuite: Self.suite)
                guard case .keyPackages(let results) = try pair.perform(.fetchKeyPackages([request]), by: alice) else {
                    preconditionFailure("a fetch has results")
                }
                let next = models[owner].next(at: pair.now)
                try #require(
                    results.map(\.message) == [next.map { models[owner].packages[$0].message } ?? []], "\(place)")
                guard let next else { break }
                counts[models[owner].packages[next].isLastResort ? "last resort" : "once", default: 0] += 1
                if !models[owner].packages[next].isLastResort { models[owner].packages[next].place = .gone }
            case 6, 7:
                if let invitation = open[owner] {
                    // Something comes of it.
                    let answers: [(InvitationAnswerType, ClientNumber)] = [
                        (.accept, client), (.accept, client), (.decline, client), (.cancel, alice),
                    ]
                    let (answer, by) = answers[number(&random, 0...3)]
                    _ = try pair.perform(
                        .answer(AnswerInvitation(invitation: invitation.number, answer: answer)), by: by)
                    if answer == .accept { open[owner]?.isAccepted = true } else { giveBack(owner) }
                } else {
                    let lifetime = UInt64(number(&random, 1...40)) * 1000
                    let next = models[owner].next(at: pair.now)
                    let outcome = try pair.perform(
                        .invite(
                            Invite(
                                log: pair.scenes[0].scene.log, name: name, cipherSuite: Self.suite, info: [],
                                lifetimeMilliseconds: lifetime)), by: alice)
                    guard let next, case .answered(let frame) = outcome else {
                        try #require(next == nil, "\(place)")
                        break
                    }
                    let invited: Invited = try frame.decoded()
                    open[owner] = (invited.invitation, next, false, false)
                    if !models[owner].packages[next].isLastResort {
                        models[owner].packages[next].place = .reserved(invited.invitation)
                        counts["reserved", default: 0] += 1
                    }
                }
            case 8:
                guard let invitation = open[owner], let package = invitation.package, invitation.isAccepted else {
                    break
                }
                let outcome = try pair.perform(.take(invitation.number), by: alice)
                let kept = models[owner].packages[package]
                guard case .keyPackages(let results) = outcome else {
                    try #require(kept.notAfter <= pair.now && !invitation.isTaken, "\(place)")
                    break
                }
                try #require(results.map(\.message) == [kept.message], "\(place)")
                try #require(invitation.isTaken || kept.notAfter > pair.now, "\(place)")
                open[owner]?.isTaken = true
                if !kept.isLastResort { models[owner].packages[package].place = .gone }
                counts["taken", default: 0] += 1
            default:
                let time = Timestamp(rawValue: pair.relays[0].now.rawValue + UInt64(number(&random, 1...8)) * 1000)
                for relay in pair.relays { try relay.passTime(to: time) }
                let state = try pair.relays[0].state
                for (other, invitation) in open
                where try !state.existing(Tables.invitations, invitation.number).state.isOpen { giveBack(other) }
            }
            if random.once(in: 25) { try pair.relays[1].reopen() }
            if step % 40 == 39 {
                try #require(try pair.relays[1].state.withoutKeys == pair.relays[0].state.withoutKeys, "\(place)")
                try #require(try findings(about: pair.relays[1]) == [], "\(place)")
                try #require(try pair.relays[0].state.brokenInvariants == [], "\(place)")
            }
        }
        #expect(Set(counts.keys).isSuperset(of: ["once", "reserved", "returned"]), "\(counts)")
    }
}

extension MemoryState {
    /// But for what differs between two scenes: the members' keys and messages.
    fileprivate var withoutKeys: [String: [[UInt8]]] {
        var pools: [String: [[UInt8]]] = [:]
        for (name, pool) in self.pools where name.cipherSuite == PoolPropertyTests.suite {
            pools["\(name.client)"] = (pool.once + pool.lastResort).map(\.encoded)
        }
        for table in [RecordTable.reservations, .invitations, .userInvitations, .deadlines] {
            for (key, value) in records[table] ?? [:] { pools["\(table) \(key)"] = [value] }
        }
        return pools
    }
}
