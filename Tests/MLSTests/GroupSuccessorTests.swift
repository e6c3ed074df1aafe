import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import Testing

@Suite("Going on with another group (RFC 9420 sections 11.2 and 11.3)")
struct GroupSuccessorTests {
    private static let newGroupID: [UInt8] = [4, 2]

    /// The devices of `group` with identities for another suite.
    private func devices(of group: Conversation, suite: CipherSuite) throws -> [Device] {
        try group.members.map { member in
            var device = try Device("", suite: suite, configuration: group.configuration)
            let signingKey = device.identity.signingKey
            device.identity = ClientIdentity(
                credential: member.device.identity.credential, signingKey: signingKey)
            return device
        }
    }

    private func reInit(_ suite: CipherSuite, extensions: [Extension] = []) -> Proposal {
        .reInit(
            ReInit(groupID: Self.newGroupID, version: .mls10, cipherSuite: suite, extensions: extensions))
    }

    // MARK: ReInit

    @Test(
        "a group goes on with another suite, and all its members with it (section 11.2)",
        arguments: [(1, 2), (2, 1), (2, 7), (4, 1)])
    func reinitialization(from old: UInt16, to new: UInt16) throws {
        let suite = CipherSuite(rawValue: new)
        let group = try Conversation(["Alice", "Bob", "Carol"], suite: CipherSuite(rawValue: old))
        let required = Extension(RequiredCapabilities(credentialTypes: [.basic]))
        let late = try group[1].protect("late")
        try group.propose(reInit(suite, extensions: [required]), by: group[1])
        let staged = try group.commit(by: group[2])
        #expect(staged.reInit?.cipherSuite == suite)
        for member in group.members { #expect(!member.isActive) }
        expectRefusal(.reInitialized) { try group[0].protect("hello") }
        expectRefusal(.reInitialized) { try group[0].commit() }
        expectRefusal(.reInitialized) { try group[0].proposeUpdate() }
        #expect(try group[0].read(late) == "late")

        let devices = try devices(of: group, suite: suite)
        let applicants = try devices.map { try $0.applies() }
        let made = try group[0].group.reinitialized(
            keyPackages: applicants[1...].map(\.keyPackage), identity: devices[0].identity,
            lifetime: TestClient.lifetime)
        let welcome = try #require(made.messages.welcome)
        let creator = GroupMember(devices[0], made.group)
        #expect(creator.groupContext.groupID == Self.newGroupID)
        #expect(creator.groupContext.extensions == [required])
        #expect(creator.epoch == 1)
        for position in 1...2 {
            let applicant = applicants[position]
            let joined = GroupMember(
                applicant.device,
                try group[position].group.joinReinitialized(
                    welcome, keyPackages: [applicant.secrets], identity: applicant.device.identity))
            #expect(joined.snapshot == creator.snapshot)
            let message = try creator.protect("welcome")
            #expect(try joined.read(message) == "welcome")
        }
        // Who does not say that it goes on from the old group is not let into the new one.
        expectRefusal(.pskReInitUsage) { try applicants[1].joins(welcome).epoch }
    }

    @Test("a ReInit is committed alone, whatever else was proposed (section 12.2)")
    func reInitAlone() throws {
        let group = try Conversation(["Alice", "Bob"])
        try group.proposeUpdate(by: group[1])
        let proposal = reInit(group.suite)
        expectRefusal(.reInitAlone) { try group[0].commit(CommitOptions([proposal])) }
        try group.propose(proposal, by: group[1])
        let staged = try group.commit(by: group[0])
        #expect(staged.reInit != nil && staged.updated.isEmpty)
        #expect(group[0].snapshot == group[1].snapshot)
    }

    @Test("a reinitialized group has all members and nobody else (section 11.2)")
    func reInitMembers() throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        let eve = try group.device("Eve").applies().keyPackage
        let (bob, carol) = (try group[1].device.applies().keyPackage, try group[2].device.applies().keyPackage)
        expectRefusal(.reInitParameters) {
            try group[0].group.reinitialized(keyPackages: [bob, carol], lifetime: TestClient.lifetime).messages
        }
        try group.commit(CommitOptions([reInit(group.suite)]), by: group[0])
        for wrong in [[bob], [bob, eve], [bob, carol, eve]] {
            expectRefusal(.reInitMembers) {
                try group[0].group.reinitialized(keyPackages: wrong, lifetime: TestClient.lifetime).messages
            }
        }
    }

    @Test("a group that is not the one that the ReInit asked for is refused (section 11.2)")
    func reInitParameters() throws {
        let (group, other) = (try Conversation(["Alice", "Bob"]), try Conversation(["Alice", "Bob"]))
        for conversation in [group, other] {
            let proposal =
                conversation === group
                ? reInit(group.suite)
                : reInit(
                    group.suite,
                    extensions: [
                        Extension(RequiredCapabilities())
                    ])
            try conversation.commit(CommitOptions([proposal]), by: conversation[0])
        }
        let bob = try group[1].device.applies()
        let made = try group[0].group.reinitialized(keyPackages: [bob.keyPackage], lifetime: TestClient.lifetime)
        let welcome = try #require(made.messages.welcome)
        expectRefusal(.pskReInitUsage) {
            try other[1].group.joinReinitialized(
                welcome, keyPackages: [bob.secrets], identity: bob.device.identity
            ).epoch
        }
        // An ordinary group is no successor either.
        let ordinary = try Conversation(["Alice"])
        let messages = try ordinary[0].commit(CommitOptions([bob.add]))
        let ordinaryWelcome = try #require(messages.welcome)
        expectRefusal(.reInitParameters) {
            try group[1].group.joinReinitialized(
                ordinaryWelcome, keyPackages: [bob.secrets], identity: bob.device.identity
            ).epoch
        }
    }

    // MARK: Branches

    @Test("some of a group's members branch off (section 11.3)", arguments: quickSuites)
    func branch(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob", "Carol"], suite: suite)
        let carol = try group[2].device.applies()
        let made = try group[0].group.branched(
            groupID: Self.newGroupID, keyPackages: [carol.keyPackage], lifetime: TestClient.lifetime)
        let welcome = try #require(made.messages.welcome)
        let creator = GroupMember(group[0].device, made.group)
        let joined = GroupMember(
            carol.device, try group[2].group.joinBranch(welcome, keyPackages: [carol.secrets]))
        #expect(joined.snapshot == creator.snapshot)
        #expect(joined.epoch == 1 && joined.roster.count == 2)
        expectRefusal(.pskBranchUsage) { try carol.joins(welcome).epoch }
        // The old group goes on, and one may branch off again.
        try group.expectAgreement()
        try group.commit(by: group[2])
        try group.expectAgreement()
        try joined.follow(creator.commit().commit)
    }

    @Test("nobody branches off with somebody who is not in the group (section 11.3)")
    func branchMembers() throws {
        let group = try Conversation(["Alice", "Bob"])
        let eve = try group.device("Eve").applies().keyPackage
        expectRefusal(.branchMembers) {
            try group[0].group.branched(
                groupID: Self.newGroupID, keyPackages: [eve], lifetime: TestClient.lifetime
            ).messages
        }
        try group.expectAgreement()
    }

    @Test("a branch of another epoch is refused by whoever has moved on (section 11.3)")
    func branchEpoch() throws {
        let group = try Conversation(["Alice", "Bob"])
        let bob = try group[1].device.applies()
        let made = try group[0].group.branched(
            groupID: Self.newGroupID, keyPackages: [bob.keyPackage], lifetime: TestClient.lifetime)
        let welcome = try #require(made.messages.welcome)
        try group.commit(by: group[0])
        expectRefusal(.pskBranchUsage) {
            try group[1].group.joinBranch(welcome, keyPackages: [bob.secrets]).epoch
        }
    }
}
