import RelayCore
import RelayStore
import RelayTestSupport
import RelayWire
import TestSupport
import Testing

/// Goal: the store keeps exactly what the model keeps, whatever comes.
///
/// Method: the same random commands, in random batches, go to a relay in memory and to one on LMDB; now and then a
/// batch is given up, or the store is closed and opened again. Outcomes must be equal after every batch, and all of the
/// state now and then. A seed determines a run: to repeat one, put its number into `seeds`.
@Suite("Model and store")
struct PropertyTests {
    static let seeds: [UInt64] = Array(1...24)

    /// Limits so low that a short run meets them.
    private func relay(_ kind: StateKind, in directory: TemporaryDirectory) throws -> TestRelay {
        var limits = CoreLimits()
        limits.pastEpochs = 2
        limits.maxKeyPackagesPerPool = 3
        limits.keyPackageLowWater = 2
        // What is counted in memory is forgotten when a store is opened again.
        (limits.keyPackageFetches, limits.keyPackageFetchesPerUser) = (0, 0)
        limits.identityChangesPerHour = 0
        limits.maxClientsPerUser = 3
        var rules = RelayRules()
        rules.operators = [Array("alice".utf8)]
        var configuration = StoreConfiguration.forTests
        configuration.duplicateWindow = 6
        configuration.maxDuplicateWindowEntries = 40
        return try TestRelay(kind, in: directory, limits: limits, rules: rules, configuration: configuration)
    }

    @Test(
        "S0-5, N-6: random commands have the same outcomes and logs on both states, and the logs alone lead to the tables",
        arguments: seeds)
    func equal(seed: UInt64) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let memory = try relay(.memory, in: directory)
        let store = try relay(.store, in: directory)
        var random = RandomCommands(seed: seed)
        for step in 0..<120 {
            memory.now = random.time(after: memory.now)
            store.now = memory.now
            let state = try memory.state
            let commands = (0..<random.number(in: 1...6)).map { _ in random.command(in: state) }
            let aborts = random.once(in: 10)
            let expected = try memory.carryOut(commands, aborts: aborts)
            let found = try store.carryOut(commands, aborts: aborts)
            try #require(found == expected, "seed \(seed), step \(step)")
            if random.once(in: 15) { try store.reopen() }
            if step % 20 == 19 {
                try #require(try store.state == memory.state, "seed \(seed), step \(step)")
                try #require(try memory.state.brokenInvariants == [], "seed \(seed), step \(step)")
            }
        }
        let differences = try store.rebuildFindings
        #expect(differences == [], "seed \(seed): \(differences)")
    }

    @Test("the random commands meet every outcome that the core has")
    func coverage() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        var met: Set<String> = []
        for seed in Self.seeds {
            let relay = try relay(.memory, in: directory)
            var random = RandomCommands(seed: seed)
            for _ in 0..<120 {
                let state = try relay.state
                for result in try relay.carryOut([random.command(in: state)]) {
                    switch result.outcome {
                    case .registered: met.insert("registered")
                    case .groupCreated: met.insert("group created")
                    case .acknowledged: met.insert("acknowledged")
                    case .answered: met.insert("answered")
                    case .published: met.insert("published")
                    case .keyPackages(let results): for result in results { met.insert("fetched: \(result.error)") }
                    case .refused(let error): met.insert("\(error.code)")
                    }
                }
            }
        }
        let codes: [ErrorCode] = [
            .identityTaken, .nameInvalid, .logUnknown, .cursorAhead, .groupExists, .groupUnknown, .mixedGroups,
            .staleEpoch, .futureEpoch, .keyPackageRefUnknown, .keyPackagePoolFull, .notPermitted,
            .keyInUse, .quotaExceeded, .userSuspended, .clientRevoked, .lastClient, .userUnknown, .admissionInvalid,
        ]
        let expected =
            codes.map(\.description)
            + [
                "registered", "answered", "group created", "acknowledged", "published", "fetched: error 0",
                "fetched: key_package_unavailable",
            ]
        #expect(met.symmetricDifference(expected) == [])
    }
}
