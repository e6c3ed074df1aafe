import MLS
import MLSCodec
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import TestSupport
import Testing

@Suite("Messages that were cut off or changed on their way are refused, and change nothing")
struct HostileMessageTests {
    private let group: ForgedGroup
    private var forger: Forger { group.forger }
    private var alice: HonestMember { group[0] }

    init() throws { group = try ForgedGroup(["alice", "bob", "carol"]) }

    /// One message of each kind that a group receives.
    private func messages() throws -> [[UInt8]] {
        let psk = Proposal.psk(PreSharedKey(psk: forger.psk(.external(pskID: [1]), secret: []).id))
        let add = try Candidate("dave", suite: forger.client.suite).add
        let commit = try forger.commit([add, .proposal(.remove(Remove(removed: LeafIndex(2))))])
        let groupInfo = MLSMessage.groupInfo(try forger.groupInfo()).encoded
        let erin = try Candidate("erin", suite: forger.client.suite)
        let external = try Group.joinExternally(
            groupInfo, identity: erin.identity, configuration: erin.configuration)
        let externalCommit = external.messages.commit
        return try [
            forger.application("hello", generation: 3), forger.proposal(psk),
            forger.sealPrivate(forger.sign(forger.content(.proposal(psk)), as: .mlsPrivateMessage), generation: 0),
            commit.message, forger.sealPrivate(forger.commit(wireFormat: .mlsPrivateMessage).content, generation: 1),
            externalCommit,
        ]
    }

    /// Whether it is refused; what is taken has to be the message that it was.
    private func expectRefusal(of message: [UInt8], _ comment: @autoclosure () -> Comment) {
        do throws(GroupError) {
            try alice.look(at: message)
            Issue.record(comment())
        } catch { _ = error.description }
    }

    @Test("cut off at every byte, and then whole")
    func truncations() throws {
        let before = alice.state
        let messages = try messages()
        for (number, message) in messages.enumerated() {
            for count in message.indices {
                expectRefusal(of: Array(message[..<count]), "message \(number), \(count) bytes")
            }
            expectRefusal(of: message + [0], "message \(number) and a byte")
        }
        #expect(alice.state == before)
        for message in messages { try alice.look(at: message) }
    }

    @Test("with a bit flipped in each byte, and then right")
    func flips() throws {
        var random = SeededGenerator(seed: 1)
        let before = alice.state
        let messages = try messages()
        for (number, message) in messages.enumerated() {
            for position in message.indices {
                var changed = message
                changed[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                expectRefusal(of: changed, "message \(number), byte \(position)")
            }
        }
        #expect(alice.state == before)
        for message in messages { try alice.look(at: message) }
    }

    @Test("Welcomes, cut off at every byte or with a bit flipped in each, take nobody anywhere")
    func welcomes() throws {
        var random = SeededGenerator(seed: 2)
        let dave = try Candidate("dave", suite: forger.client.suite)
        let welcome = try forger.commit([dave.add]).welcome ?? []
        for position in welcome.indices {
            var changed = welcome
            changed[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            for message in [changed, Array(welcome[..<position])] {
                do throws(GroupError) {
                    _ = try dave.join(message)
                    Issue.record("byte \(position)")
                } catch { _ = error.description }
            }
        }
        _ = try dave.join(welcome)
    }

    @Test("GroupInfos that were cut off or changed let nobody join")
    func groupInfos() throws {
        var random = SeededGenerator(seed: 3)
        let dave = try Candidate("dave", suite: forger.client.suite)
        let groupInfo = MLSMessage.groupInfo(try forger.groupInfo()).encoded
        func join(_ groupInfo: [UInt8]) throws(GroupError) {
            _ = try Group.joinExternally(groupInfo, identity: dave.identity, configuration: dave.configuration)
        }
        for position in groupInfo.indices {
            var changed = groupInfo
            changed[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            for message in [changed, Array(groupInfo[..<position])] {
                do throws(GroupError) {
                    try join(message)
                    Issue.record("byte \(position)")
                } catch { _ = error.description }
            }
        }
        try join(groupInfo)
    }
}
