import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import Testing

@Suite("Rules that members alone can check: groups that go on from others (RFC 9420 sections 11.2 and 11.3)")
struct SuccessorRuleTests {
    private static let suite = CipherSuite.mls128DHKEMX25519AES128GCMSHA256Ed25519
    private static let otherSuite = CipherSuite.mls128DHKEMX25519ChaCha20Poly1305SHA256Ed25519
    private static let newGroupID = Array("next".utf8)
    private static let extensions = [Extension(RequiredCapabilities())]

    private let old: ForgedGroup
    private var forger: Forger { old.forger }
    private var alice: HonestMember { old[0] }

    init() throws { old = try ForgedGroup(["alice", "bob"], suite: Self.suite) }

    /// What is wrong with a group that goes on from the old one.
    private struct Changes {
        var groupID = SuccessorRuleTests.newGroupID
        var suite: CipherSuite
        var extensions: [Extension]
        var usage: ResumptionPSKUsage
        var pskGroupID = Forger.groupID
        var pskEpoch: UInt64
        var hasPSK = true
        /// Who is in it beside the forger and alice.
        var others = ["bob"]
        /// How many Commits there are before the one that adds anybody.
        var earlierCommitCount = 0
    }

    private struct Successor {
        let welcome: [UInt8]
        let alice: Candidate
        let group: PublicGroup
    }

    private func successor(_ changes: Changes) throws -> Successor {
        let next = try Forger(
            TestClient("mallory", suite: changes.suite), groupID: changes.groupID, extensions: changes.extensions)
        for _ in 0..<changes.earlierCommitCount { next.merge(try next.commit()) }
        let candidates = try (["alice"] + changes.others).map {
            try Candidate($0, suite: changes.suite)
        }
        var psks: [Forger.PSK] = []
        if changes.hasPSK {
            psks.append(
                next.psk(
                    .resumption(usage: changes.usage, pskGroupID: changes.pskGroupID, pskEpoch: changes.pskEpoch),
                    secret: forger.resumptionPSK))
        }
        let commit = try next.commit(candidates.map(\.add), psks: psks, resumption: changes.usage)
        return Successor(welcome: commit.welcome ?? [], alice: candidates[0], group: commit.group)
    }

    // MARK: Reinitialization

    private func reInit() throws -> Changes {
        let reInit = ReInit(
            groupID: Self.newGroupID, version: .mls10, cipherSuite: Self.otherSuite, extensions: Self.extensions)
        try old.merge(forger.commit([.proposal(.reInit(reInit))]))
        return Changes(
            suite: Self.otherSuite, extensions: Self.extensions, usage: .reinit, pskEpoch: forger.epoch)
    }

    private func joinReinitialized(_ successor: Successor, knownGroupIDs: Set<[UInt8]> = []) throws -> HonestMember {
        HonestMember(
            try alice.group.joinReinitialized(
                successor.welcome, keyPackages: [successor.alice.keyPackage], identity: successor.alice.identity,
                knownGroupIDs: knownGroupIDs))
    }

    private func expectReInitRefusal(
        _ rule: ValidationRule, _ changes: Changes, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let successor = try successor(changes)
        let before = alice.state
        expectRefusal(rule, sourceLocation: sourceLocation) { try joinReinitialized(successor) }
        #expect(alice.state == before, sourceLocation: sourceLocation)
    }

    @Test("11.2-parameters: a group that is not the one that the ReInit asks for")
    func reInitParameters() throws {
        let right = try reInit()
        var wrong = right
        wrong.groupID = [1]
        try expectReInitRefusal(.reInitParameters, wrong)
        wrong = right
        wrong.suite = Self.suite
        try expectReInitRefusal(.reInitParameters, wrong)
        wrong = right
        wrong.extensions = []
        try expectReInitRefusal(.reInitParameters, wrong)
        // One that does not go on from the old group at all.
        wrong = right
        wrong.hasPSK = false
        try expectReInitRefusal(.reInitParameters, wrong)
        let successor = try successor(right)
        let joined = try joinReinitialized(successor)
        #expect(joined.state.groupContext == successor.group.groupContext)
    }

    @Test("11.2-parameters: there was no ReInit")
    func noReInit() throws {
        let successor = try successor(
            Changes(suite: Self.suite, extensions: [], usage: .reinit, pskEpoch: forger.epoch))
        expectRefusal(.reInitParameters) { try joinReinitialized(successor) }
        expectRefusal(.reInitParameters) {
            _ = try alice.group.reinitialized(keyPackages: [], lifetime: TestClient.lifetime)
        }
    }

    @Test("11.2-members: a group without somebody of the old one, or with somebody else")
    func reInitMembers() throws {
        let right = try reInit()
        for others in [[], ["bob", "carol"], ["carol"]] {
            var wrong = right
            wrong.others = others
            try expectReInitRefusal(.reInitMembers, wrong)
        }
        _ = try joinReinitialized(successor(right))
    }

    @Test("12.1.4-reinit: a PSK of another epoch, group or usage than the ReInit's")
    func reInitPSK() throws {
        let right = try reInit()
        var wrong = right
        wrong.pskEpoch -= 1
        try expectReInitRefusal(.pskReInitUsage, wrong)
        wrong = right
        wrong.pskGroupID = [1]
        try expectReInitRefusal(.pskReInitUsage, wrong)
        wrong = right
        wrong.usage = .branch
        try expectReInitRefusal(.pskBranchUsage, wrong)
        // Nor by somebody who joins it as any group.
        let successor = try successor(right)
        expectRefusal(.pskReInitUsage) { try successor.alice.join(successor.welcome) }
    }

    @Test("12.4.3.1-epoch: a group that goes on in a later epoch than its first")
    func epoch() throws {
        let right = try reInit()
        var wrong = right
        wrong.earlierCommitCount = 1
        try expectReInitRefusal(.welcomeEpoch, wrong)
        let successor = try successor(right)
        expectRefusal(.groupIDUnique) { try joinReinitialized(successor, knownGroupIDs: [Self.newGroupID]) }
        _ = try joinReinitialized(successor)
    }

    // MARK: Branches

    private var branch: Changes {
        Changes(
            suite: Self.suite, extensions: Self.extensions, usage: .branch, pskEpoch: forger.epoch, others: [])
    }

    private func joinBranch(_ successor: Successor) throws -> HonestMember {
        HonestMember(
            try alice.group.joinBranch(successor.welcome, keyPackages: [successor.alice.keyPackage]))
    }

    private func expectBranchRefusal(
        _ rule: ValidationRule, _ changes: Changes, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let successor = try successor(changes)
        let before = alice.state
        expectRefusal(rule, sourceLocation: sourceLocation) { try joinBranch(successor) }
        #expect(alice.state == before, sourceLocation: sourceLocation)
    }

    @Test("11.3-parameters: a branch of another suite, or none at all")
    func branchParameters() throws {
        var wrong = branch
        wrong.suite = Self.otherSuite
        try expectBranchRefusal(.branchParameters, wrong)
        wrong = branch
        wrong.hasPSK = false
        try expectBranchRefusal(.branchParameters, wrong)
        wrong = branch
        wrong.pskEpoch += 1
        try expectBranchRefusal(.pskBranchUsage, wrong)
        wrong = branch
        wrong.earlierCommitCount = 1
        try expectBranchRefusal(.welcomeEpoch, wrong)
        // The old group goes on: the branch is another one.
        wrong = branch
        wrong.groupID = forger.groupID
        try expectBranchRefusal(.groupIDUnique, wrong)
        _ = try joinBranch(successor(branch))
    }

    @Test("11.3-members: a branch with somebody who is not in the group")
    func branchMembers() throws {
        for others in [["carol"], ["bob", "carol"]] {
            var wrong = branch
            wrong.others = others
            try expectBranchRefusal(.branchMembers, wrong)
        }
        var all = branch
        all.others = ["bob"]
        _ = try joinBranch(successor(all))
        _ = try joinBranch(successor(branch))
        try old.merge(forger.commit())
    }
}
