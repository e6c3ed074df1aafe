import CAllocations
import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation

/// Measures all rows of a suite.
struct Measurement {
    let suite: CipherSuite
    let configuration: GroupConfiguration
    let threadCount: Int
    /// Words of which a row's name has to have one; none for all rows.
    let only: [String]
    private let meter: FloorMeter
    private var floor = Floor()
    private var results: [(target: Target, value: Double, wall: Double?)] = []

    init(_ suite: CipherSuite, threadCount: Int, only: [String]) {
        self.suite = suite
        self.threadCount = threadCount
        self.only = only
        configuration = GroupConfiguration(
            policy: ValidationPolicy(verificationThreadCount: threadCount), encryptionThreadCount: threadCount)
        meter = FloorMeter(suite)
    }

    private func isWanted(_ targets: Target...) -> Bool {
        only.isEmpty || targets.contains { target in only.contains { target.isNamed($0) } }
    }

    private mutating func add(_ target: Target, _ timing: Timing) {
        results.append((target, threadCount > 1 ? timing.wall : timing.processor, timing.wall))
        // Beside each row, so that floor and row had the same quiet moments to be measured in.
        floor.keepBest(of: meter.measure())
    }

    mutating func run() throws -> [Row] {
        try keyPackages()
        try messages()
        for count in [100, 1000, 5000] { try populated(count) }
        for count in [1000, 5000] { try building(count) }
        return results.filter { isWanted($0.target) }.map { target, value, wall in
            Row(
                target: target, suite: suite.rawValue, threadCount: threadCount, measured: value, wall: wall,
                floor: target.floor?(floor))
        }
    }

    // MARK: Rows

    private mutating func keyPackages() throws {
        guard isWanted(.keyPackageGenerate, .keyPackageVerify) else { return }
        let clients = try Clients(1, suite, configuration)
        var (generate, verify) = (Timing(batchSize: 50), Timing(batchSize: 50))
        var crypto = try CipherSuiteContext(suite)
        for _ in 0..<500 {
            let keyPackage = try generate.measure {
                try clients.keyPackage(of: clients.identity(0), &crypto).keyPackage
            }
            try verify.measure { try keyPackage.validate(policy: configuration.policy) }
        }
        add(.keyPackageGenerate, generate)
        add(.keyPackageVerify, verify)
    }

    private mutating func messages() throws {
        guard
            isWanted(
                .protect100, .unprotect100, .protect1024, .unprotect1024, .protectAllocations, .unprotectAllocations)
        else { return }
        let clients = try Clients(2, suite, configuration)
        var alice = try clients.makeGroup()
        let added = try alice.commit(clients.additions)
        alice.mergePendingCommit()
        var bob = try clients.join(1, added.welcome ?? [])
        for (byteCount, protectTarget, unprotectTarget) in [
            (100, Target.protect100, Target.unprotect100), (1024, .protect1024, .unprotect1024),
        ] {
            guard isWanted(protectTarget, unprotectTarget) else { continue }
            let data = [UInt8](repeating: 0x61, count: byteCount)
            var (protect, unprotect) = (Timing(batchSize: 100), Timing(batchSize: 100))
            for _ in 0..<2000 {
                let message = try protect.measure { try alice.protect(data) }
                try unprotect.measure { try bob.processApplication(message) }
            }
            add(protectTarget, protect)
            add(unprotectTarget, unprotect)
        }
        let counts = try Self.allocations(&alice, &bob)
        results.append((.protectAllocations, counts.protect, nil))
        results.append((.unprotectAllocations, counts.unprotect, nil))
    }

    /// How often memory is asked for to protect 100 bytes, and to unprotect them, once both have been done before.
    private static func allocations(
        _ alice: inout Group, _ bob: inout Group
    ) throws -> (protect: Double, unprotect: Double) {
        let data = [UInt8](repeating: 0x61, count: 100)
        var (protect, unprotect): (UInt64, UInt64) = (.max, .max)
        for _ in 0..<20 {
            let start = mlsrelay_allocation_count()
            let message = try alice.protect(data)
            let middle = mlsrelay_allocation_count()
            try bob.processApplication(message)
            let end = mlsrelay_allocation_count()
            (protect, unprotect) = (min(protect, middle - start), min(unprotect, end - middle))
        }
        return (Double(protect), Double(unprotect))
    }

    private mutating func populated(_ count: Int) throws {
        let (commitTarget, farTarget) = (Target.commitUpdate(count), Target.processFar(count))
        let (neighbourTarget, followTarget) = (Target.processNeighbour(count), Target.follow(count))
        let heapTarget = Target.heap(count, encodedByteCount: 0)
        switch count {
        case 100: guard isWanted(commitTarget) else { return }
        case 1000: guard isWanted(commitTarget, farTarget, neighbourTarget, followTarget, heapTarget) else { return }
        default: guard isWanted(farTarget) else { return }
        }
        let clients = try Clients(count, suite, configuration)
        var committer = try clients.makeGroup()
        let welcome = try committer.commit(clients.additions).welcome ?? []
        committer.mergePendingCommit()
        var far = try clients.join(count - 1, welcome)
        var neighbour = try clients.join(1, welcome)
        var relay = committer.publicGroup
        var populator = try Populator(clients, welcome, committer.publicGroup)
        for leaf in Populator.committers(count: count) {
            let message = try populator.commit(from: leaf)
            try committer.processCommit(message)
            try far.processCommit(message)
            try neighbour.processCommit(message)
            try relay.processCommit(message)
        }
        var (commit, processFar) = (Timing(batchSize: 10), Timing(batchSize: 10))
        var (processNeighbour, follow) = (Timing(batchSize: 10), Timing(batchSize: 10))
        for _ in 0..<200 {
            let message = try commit.measure {
                let messages = try committer.commit()
                committer.mergePendingCommit()
                return messages.commit
            }
            try processFar.measure { try far.processCommit(message) }
            try processNeighbour.measure { try neighbour.processCommit(message) }
            try follow.measure { try relay.processCommit(message) }
        }
        precondition(far.epochAuthenticator == committer.epochAuthenticator, "one group")
        if count < 5000 { add(commitTarget, commit) }
        if count > 100 { add(farTarget, processFar) }
        if count == 1000 {
            add(neighbourTarget, processNeighbour)
            add(followTarget, follow)
            try heap(count, &committer)
        }
    }

    private mutating func building(_ count: Int) throws {
        let (buildTarget, joinTarget, freshTarget) = (
            Target.buildGroup(count), Target.join(count), Target.freshCommit(count)
        )
        guard isWanted(buildTarget, joinTarget) || count == 1000 && isWanted(freshTarget) else { return }
        let clients = try Clients(count, suite, configuration)
        var creator = try clients.makeGroup()
        var (build, join, fresh) = (Timing(batchSize: 1), Timing(batchSize: 1), Timing(batchSize: 1))
        let additions = clients.additions
        let repetitions = count > 1000 ? 3 : 10
        var welcome: [UInt8] = []
        for _ in 0..<(isWanted(buildTarget) ? repetitions : 1) {
            welcome = try build.measure { try creator.commit(additions).welcome ?? [] }
        }
        creator.mergePendingCommit()
        if isWanted(buildTarget) { add(buildTarget, build) }
        if isWanted(joinTarget) {
            for _ in 0..<repetitions { _ = try join.measure { try clients.join(count - 1, welcome) } }
            add(joinTarget, join)
        }
        if count == 1000, isWanted(freshTarget) {
            for _ in 0..<repetitions { try fresh.measure { _ = try creator.commit() } }
            add(freshTarget, fresh)
        }
    }

    /// What a member keeps who has just joined the group of `committer`, all of whose parents have keys.
    @inline(never)
    private mutating func heap(_ count: Int, _ committer: inout Group) throws {
        let joiner = try Clients(1, suite, configuration)
        let addition = CommitOptions([.add(Add(keyPackage: joiner.keyPackages[0].keyPackage))])
        let welcome = try committer.commit(addition).welcome ?? []
        // The first one makes what is made once in a process.
        _ = try joiner.join(0, welcome)
        let before = mlsrelay_allocated_byte_count()
        let member = try joiner.join(0, welcome)
        let after = withExtendedLifetime(welcome) { mlsrelay_allocated_byte_count() }
        let encoded = member.publicGroup.ratchetTree.encoded.count
        results.append((.heap(count, encodedByteCount: encoded), Double(after) - Double(before), nil))
    }
}

extension Group {
    fileprivate mutating func processCommit(_ message: [UInt8]) throws {
        guard case .commit(let staged) = try process(message) else { preconditionFailure("somebody's Commit") }
        merge(staged)
    }

    fileprivate mutating func processApplication(_ message: [UInt8]) throws {
        guard case .application = try process(message) else { preconditionFailure("an application message") }
    }
}

extension PublicGroup {
    /// As a relay does.
    fileprivate mutating func processCommit(_ message: [UInt8]) throws {
        guard case .publicMessage(let message) = try MLSMessage(decoding: message),
            case .commit(let staged) = try process(message)
        else { preconditionFailure("a Commit as a PublicMessage") }
        merge(staged)
    }
}
