import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import Testing

@Suite("Joining by a Welcome (RFC 9420 section 12.4.3.1)")
struct GroupJoiningTests {
    @Test("several join with one Commit, and all agree (section 12.4.3.1)", arguments: allSuites)
    func joining(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob", "Carol", "Dave"], suite: suite)
        #expect(group[0].epoch == 1)
        try group.expectAgreement()
        try group.commit(by: group[3])
        try group.expectAgreement()
    }

    @Test("who joins later gets the path secret of the nodes above, and can commit at once (section 12.4.3.1)")
    func growing() throws {
        let group = try Conversation(["Alice"])
        for (number, name) in ["Bob", "Carol", "Dave", "Erin", "Frank"].enumerated() {
            try group.add([name], by: group[number])
            try group.expectAgreement()
        }
    }

    @Test("the tree is in the Welcome or beside it (section 12.4.3.3)")
    func treeBeside() throws {
        let group = try Conversation(["Alice", "Bob"])
        let carol = try group.device("Carol").applies()
        var options = CommitOptions([carol.add])
        options.hasTreeInWelcome = false
        let messages = try group[0].commit(options)
        let welcome = try #require(messages.welcome)
        #expect(messages.ratchetTree != nil)
        expectRefusal(.ratchetTreeMissing) { try carol.joins(welcome).epoch }
        try group.accept(messages, from: group[0], joiners: [carol])
        try group.expectAgreement()
        #expect(try group[0].commit(CommitOptions([group.device("Dave").applies().add])).ratchetTree == nil)
    }

    @Test("another tree than the group's is refused (section 12.4.3.1)")
    func wrongTree() throws {
        let group = try Conversation(["Alice", "Bob"])
        let carol = try group.device("Carol").applies()
        var options = CommitOptions([carol.add])
        options.hasTreeInWelcome = false
        let welcome = try #require(try group[0].commit(options).welcome)
        let before = group[0].publicGroup.ratchetTree
        expectRefusal(.treeHash) { try carol.joins(welcome, ratchetTree: before).epoch }
    }

    @Test("an Add needs no path, and who joins then has only its leaf's key (section 12.4)")
    func joiningWithoutPath() throws {
        let group = try Conversation(["Alice", "Bob"])
        let carol = try group.device("Carol").applies()
        var options = CommitOptions([carol.add])
        options.forcesPath = false
        let staged = try group.commit(options, by: group[1], joiners: [carol])
        #expect(!staged.hasPath)
        try group.expectAgreement()
        try group.commit(by: group[0])
        try group.expectAgreement()
    }

    @Test("an Add by reference is committed by another member (section 12.4)")
    func addByReference() throws {
        let group = try Conversation(["Alice", "Bob"])
        let carol = try group.device("Carol").applies()
        try group.propose(carol.add, by: group[1])
        try group.commit(by: group[0], joiners: [carol])
        #expect(group.members.count == 3)
        try group.expectAgreement()
    }

    @Test("somebody else's Welcome is refused (section 12.4.3.1)")
    func otherWelcome() throws {
        let group = try Conversation(["Alice", "Bob"])
        let (carol, eve) = (try group.device("Carol").applies(), try group.device("Eve").applies())
        let welcome = try #require(try group[0].commit(CommitOptions([carol.add])).welcome)
        expectRefusal(.welcomeEntry) { try eve.joins(welcome).epoch }
    }

    @Test("a group that one is in already is refused (section 12.4.3)")
    func knownGroup() throws {
        let group = try Conversation(["Alice", "Bob"])
        let carol = try group.device("Carol").applies()
        let welcome = try #require(try group[0].commit(CommitOptions([carol.add])).welcome)
        let groupID = group[0].groupContext.groupID
        expectRefusal(.groupIDUnique) { try carol.joins(welcome, knownGroupIDs: [groupID]).epoch }
    }

    @Test("every changed byte of a Welcome is noticed (section 12.4.3.1)", arguments: quickSuites)
    func changedWelcome(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob"], suite: suite)
        let carol = try group.device("Carol").applies()
        let messages = try group[0].commit(CommitOptions([carol.add]))
        let welcome = try #require(messages.welcome)
        for changed in changes(of: welcome, every: 5) {
            #expect(throws: GroupError.self) { try carol.joins(changed).epoch }
        }
        try group.accept(messages, from: group[0], joiners: [carol])
        try group.expectAgreement()
    }

    @Test("a last-resort KeyPackage takes its owner into more than one group (section 16.8)")
    func lastResort() throws {
        let bob = try Device("Bob").applies(isLastResort: true)
        #expect(bob.keyPackage.extensions.contains { $0.extensionType == .lastResort })
        // Section 10 wants it in the capabilities, too.
        #expect(bob.keyPackage.leafNode.capabilities.extensions.contains(.lastResort))
        for _ in 0..<2 {
            let group = try Conversation(["Alice"])
            try group.commit(CommitOptions([bob.add]), by: group[0], joiners: [bob])
            try group.expectAgreement()
        }
    }

    @Test("extensions of a GroupInfo that nobody knows are ignored (section 13.4)")
    func unknownGroupInfoExtension() throws {
        let group = try Conversation(["Alice", "Bob"])
        let carol = try group.device("Carol").applies()
        var options = CommitOptions([carol.add])
        options.groupInfoExtensions = [Extension(extensionType: ExtensionType(rawValue: 0x3a3a), extensionData: [1])]
        try group.commit(options, by: group[0], joiners: [carol])
        try group.expectAgreement()
    }

    @Test("a member with an X.509 credential joins, commits and is read (section 5.3)", arguments: quickSuites)
    func certificates(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob"], suite: suite)
        var device = try group.device("Carol")
        device.identity = try certified("Carol", suite: suite)
        let carol = try device.applies()
        try group.commit(CommitOptions([carol.add]), by: group[0], joiners: [carol])
        try group.expectAgreement()
        #expect(group[0].roster.last?.credential == device.identity.credential)
        try group.commit(by: group[2])
        try group.expectAgreement()
        // And back by itself.
        try group.commit(CommitOptions([.remove(Remove(removed: group[2].leaf))]), by: group[0])
        try group.joinExternally(device)
        try group.expectAgreement()
    }

    @Test("a certificate of another key is refused (section 5.3)", arguments: quickSuites)
    func otherCertificate(suite: CipherSuite) throws {
        let group = try Conversation(["Alice"], suite: suite)
        var device = try group.device("Bob")
        device.identity.credential = try certified("Bob", suite: suite).credential
        let add = try device.applies().add
        expectRefusal(.x509Key) { try group[0].commit(CommitOptions([add])) }
    }

    private func certified(_ name: String, suite: CipherSuite) throws -> ClientIdentity {
        let (issuer, subject) = (try TestClient("Issuer", suite: suite), try TestClient(name, suite: suite))
        let chain = [try issuer.certificate(for: subject), try issuer.certificate(for: issuer)]
        return ClientIdentity(credential: .x509(certificates: chain), signingKey: subject.signingKey)
    }

    @Test("messages of before one joined cannot be read (section 6.3.1)")
    func earlierMessages() throws {
        let group = try Conversation(["Alice", "Bob"])
        let message = try group[0].protect("before")
        try group.add(["Carol"], by: group[0])
        expectRefusal(.applicationEpoch) { try group[2].read(message) }
        #expect(try group[1].read(message) == "before")
    }
}
