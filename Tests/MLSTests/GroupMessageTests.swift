import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import Testing

@Suite("Application messages of a group (RFC 9420 sections 6.3, 9 and 15)")
struct GroupMessageTests {
    @Test("everybody reads what a member sends (section 6.3)", arguments: allSuites)
    func reading(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob", "Carol"], suite: suite)
        for number in 0..<3 {
            let message = try group[1].protect("\(number)", authenticatedData: [7])
            for reader in [group[0], group[2]] {
                let received = try reader.receive(message)
                #expect(received.data == Array("\(number)".utf8))
                #expect(received.authenticatedData == [7])
                #expect(received.sender == group[1].leaf)
                #expect(received.epoch == 1)
                #expect(received.generation == UInt32(number))
            }
        }
    }

    @Test("an empty message is one too (section 6.3)")
    func emptyMessage() throws {
        let group = try Conversation(["Alice", "Bob"])
        #expect(try group[1].read(group[0].protect("")) == "")
    }

    @Test("messages are read in any order (section 9.1)")
    func anyOrder() throws {
        let group = try Conversation(["Alice", "Bob"])
        let messages = try (0..<6).map { try group[0].protect("\($0)") }
        for number in [3, 0, 5, 1, 4, 2] { #expect(try group[1].read(messages[number]) == "\(number)") }
    }

    @Test("a message is read once: its key is deleted (section 9.2)", arguments: quickSuites)
    func once(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob", "Carol"], suite: suite)
        let (first, second) = (try group[0].protect("first"), try group[0].protect("second"))
        #expect(try group[1].read(second) == "second")
        #expect(try group[1].read(first) == "first")
        for message in [first, second] { expectRefusal(.generationUsed) { try group[1].read(message) } }
        // In a past epoch, too.
        #expect(try group[2].read(first) == "first")
        try group.commit(by: group[0])
        expectRefusal(.generationUsed) { try group[2].read(first) }
        #expect(try group[2].read(second) == "second")
        expectRefusal(.generationUsed) { try group[2].read(second) }
    }

    @Test("nobody reads its own messages, not in a later epoch either (section 6.3.2)")
    func ownMessages() throws {
        let group = try Conversation(["Alice", "Bob"])
        let message = try group[0].protect("hello")
        #expect(throws: GroupError.ownMessage) { try group[0].read(message) }
        try group.commit(by: group[1])
        #expect(throws: GroupError.ownMessage) { try group[0].read(message) }
        #expect(try group[1].read(message) == "hello")
    }

    @Test("messages of so many past epochs are read, and of no earlier one (section 15.3)", arguments: 0...3)
    func pastEpochs(count: Int) throws {
        var configuration = Device.configuration
        configuration.maxPastEpochCount = count
        let group = try Conversation(["Alice", "Bob", "Carol"], configuration: configuration)
        var sent: [[UInt8]] = []
        for number in 0...(count + 1) {
            sent.append(try group[0].protect("\(number)"))
            try group.commit(by: group[number % 3])
        }
        for number in 0...1 { expectRefusal(.applicationEpoch) { try group[1].read(sent[number]) } }
        for number in sent.indices.dropFirst(2) { #expect(try group[1].read(sent[number]) == "\(number)") }
    }

    @Test("a message of an epoch that is yet to come is refused, and read then (section 15.2)")
    func futureEpoch() throws {
        let group = try Conversation(["Alice", "Bob"])
        let messages = try group[0].commit()
        try group[0].follow(messages.commit)
        let early = try group[0].protect("early")
        expectRefusal(.applicationEpoch) { try group[1].read(early) }
        try group[1].follow(messages.commit)
        #expect(try group[1].read(early) == "early")
    }

    @Test("a late message of somebody who was removed since is read (section 15.3)")
    func lateMessageOfRemoved() throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        let late = try group[2].protect("late")
        try group.commit(CommitOptions([.remove(Remove(removed: group[2].leaf))]), by: group[0])
        #expect(try group[1].read(late) == "late")
    }

    @Test("a late message of somebody whose keys changed twice since is read (section 15.3)")
    func lateMessageAfterRotations() throws {
        let group = try Conversation(["Alice", "Bob", "Carol"])
        let late = [try group[2].protect("late")]
        for _ in 0..<2 {
            var options = CommitOptions()
            options.identity = try Device.identity("Carol", suite: group.suite)
            try group.commit(options, by: group[2])
        }
        #expect(try group[1].read(late[0]) == "late")
    }

    @Test("padding hides how long a message is, and nobody sees it (section 15.1)")
    func padding() throws {
        let group = try Conversation(["Alice", "Bob"])
        // Ed25519 and Ed448 signatures have one length; those of ECDSA do not.
        let eddsa = try Conversation(["Alice", "Bob"], suite: .mls128DHKEMX25519AES128GCMSHA256Ed25519)
        eddsa[0].group.configuration.padding = .toMultiple(of: 256)
        let lengths = try ["", "short", "a little longer"].map { text in
            let message = try eddsa[0].protect(text)
            #expect(try eddsa[1].read(message) == text)
            return message.count
        }
        #expect(Set(lengths).count == 1)

        for padding: Padding in [.byteCount(100), .upTo(plaintextByteCount: 1000)] {
            group[0].group.configuration.padding = padding
            let message = try group[0].protect("hidden")
            #expect(message.count > 100)
            #expect(try group[1].read(message) == "hidden")
            var options = CommitOptions()
            options.framing = .privateMessage
            try group.commit(options, by: group[0])
        }
        try group.expectAgreement()
    }

    @Test("every changed byte is noticed, and the message itself is read then (section 6.3)", arguments: quickSuites)
    func changedMessages(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob"], suite: suite)
        let message = try group[0].protect("hello", authenticatedData: [1, 2, 3])
        let before = group[1].snapshot
        for changed in changes(of: message, every: 1) {
            #expect(throws: GroupError.self) { try group[1].read(changed) }
        }
        #expect(group[1].snapshot == before)
        #expect(try group[1].read(message) == "hello")
        // A late one, too.
        let late = try group[0].protect("late")
        try group.commit(by: group[1])
        for changed in changes(of: late, every: 1) {
            #expect(throws: GroupError.self) { try group[1].read(changed) }
        }
        #expect(try group[1].read(late) == "late")
    }

    @Test("a message of another group is refused (section 6)")
    func otherGroup() throws {
        let (group, other) = (try Conversation(["Alice", "Bob"]), try Conversation(["Alice", "Bob"]))
        let (message, commit) = (try other[0].protect("hello"), try other[0].commit().commit)
        expectRefusal(.groupID) { try group[1].read(message) }
        expectRefusal(.groupID) { try group[1].follow(commit) }
    }

    @Test("a generation that is too far ahead is refused (section 15.3)")
    func farAhead() throws {
        var configuration = Device.configuration
        configuration.messageKeyLimits = SecretTreeLimits(maxForwardSteps: 4, maxOutOfOrderKeys: 2)
        let group = try Conversation(["Alice", "Bob"], configuration: configuration)
        let messages = try (0..<6).map { try group[0].protect("\($0)") }
        expectRefusal(.generationTooFar) { try group[1].read(messages[5]) }
        #expect(try group[1].read(messages[4]) == "4")
        // Of those before, two keys are kept.
        for number in 0...1 { expectRefusal(.generationUsed) { try group[1].read(messages[number]) } }
        for number in 2...3 { #expect(try group[1].read(messages[number]) == "\(number)") }
        #expect(try group[1].read(messages[5]) == "5")
    }

    @Test(
        "the exporter gives all members the same, another for each label, context and epoch (section 8.5)",
        arguments: quickSuites)
    func exporter(suite: CipherSuite) throws {
        let group = try Conversation(["Alice", "Bob"], suite: suite)
        let secrets = group.members.map { member in
            [
                member.exported(), member.exported("other"), member.exported(context: [4]),
                member.exported(byteCount: 33),
            ]
        }
        #expect(secrets[0] == secrets[1])
        #expect(Set(secrets[0]).count == 4)
        #expect(secrets[0][3].count == 33)
        try group.commit(by: group[1])
        #expect(group[0].exported() == group[1].exported())
        #expect(group[0].exported() != secrets[0][0])
    }
}
