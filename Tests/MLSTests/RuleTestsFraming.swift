import MLS
import MLSCodec
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import Testing

@Suite("Rules that members alone can check: messages (RFC 9420 sections 6, 9 and 15.3)")
struct FramingRuleTests {
    private let group: ForgedGroup
    private var forger: Forger { group.forger }
    private var alice: HonestMember { group[0] }

    init() throws { group = try ForgedGroup(["alice", "bob"]) }

    private func psk() -> Proposal { .psk(PreSharedKey(psk: forger.psk(.external(pskID: [1]), secret: []).id)) }

    @Test("6.2-membership-tag: a PublicMessage whose membership tag is another one")
    func membershipTag() throws {
        let message = try forger.sign(forger.content(.proposal(psk())))
        let wrong: [(inout [UInt8]) -> Void] = [{ $0[0] ^= 1 }, { $0.removeLast() }, { $0 = [] }, { $0.append(0) }]
        for change in wrong {
            expectRefusal(.membershipTag, of: forger.sealPublic(message, tag: change), by: alice)
        }
        let commit = try forger.commit().content
        expectRefusal(.membershipTag, of: forger.sealPublic(commit) { $0[31] ^= 0x80 }, by: alice)
        #expect(try alice.receive(forger.sealPublic(message)) == .proposal(message.content.content.proposal))
    }

    @Test("6.3.1-decryption: a content that is not encrypted with the key of its generation")
    func contentDecryption() throws {
        var changes = Forger.PrivateChanges()
        // The end of it is no part of the sample: the sender data are right all the same.
        changes.ciphertext = { $0[$0.count - 1] ^= 1 }
        expectRefusal(.contentDecryption, of: try forger.application("hello", changes), by: alice)
        changes.ciphertext = { $0 = [] }
        expectRefusal(.contentDecryption, of: try forger.application("hello", changes), by: alice)
        var generation = Forger.PrivateChanges()
        generation.senderData = { $0.generation += 1 }
        expectRefusal(.contentDecryption, of: try forger.application("hello", generation: 0, generation), by: alice)
        #expect(try alice.receive(forger.application("hello", generation: 0)) == .application(Array("hello".utf8)))
    }

    @Test("6.3.2-decryption: sender data that are not encrypted with the epoch's key")
    func senderDataDecryption() throws {
        for change: (inout [UInt8]) -> Void in [{ $0[0] ^= 1 }, { $0[$0.count - 1] ^= 1 }, { $0 = [] }] {
            var changes = Forger.PrivateChanges()
            changes.encryptedSenderData = change
            expectRefusal(
                .senderDataDecryption, of: try forger.application("hello", generation: 0, changes), by: alice)
        }
        #expect(try alice.receive(forger.application("hello", generation: 0)) == .application(Array("hello".utf8)))
    }

    @Test(
        "6.3.2-leaf-index: sender data that name a blank leaf, or none of the tree", arguments: [3, 4, 1 << 30, .max])
    func senderLeaf(leaf: UInt32) throws {
        var changes = Forger.PrivateChanges()
        changes.senderData = { $0.leafIndex = LeafIndex(leaf) }
        expectRefusal(.senderDataLeaf, of: try forger.application("hello", generation: 0, changes), by: alice)
        #expect(try alice.receive(forger.application("hello", generation: 0)) == .application(Array("hello".utf8)))
    }

    @Test("9.1-generation-used: a key that another message was encrypted with")
    func generationUsed() throws {
        let first = try forger.application("first", generation: 0)
        try alice.receive(first)
        expectRefusal(.generationUsed, of: first, by: alice)
        expectRefusal(.generationUsed, of: try forger.application("second", generation: 0), by: alice)
        // Kept: one that was skipped, until more are skipped than are kept.
        try alice.receive(forger.application("third", generation: 2))
        #expect(try alice.receive(forger.application("second", generation: 1)) == .application(Array("second".utf8)))
        expectRefusal(.generationUsed, of: try forger.application("again", generation: 1), by: alice)
        let kept = UInt32(SecretTreeLimits().maxOutOfOrderKeys)
        try alice.receive(forger.application("far", generation: 4 + kept))
        expectRefusal(.generationUsed, of: try forger.application("dropped", generation: 3), by: alice)
        try alice.receive(forger.application("kept", generation: 4))
    }

    @Test("9.1-generation-used: handshake keys of an encrypted proposal, and of a Commit that was merged")
    func handshakeGenerationUsed() throws {
        let proposal = try forger.sign(forger.content(.proposal(psk())), as: .mlsPrivateMessage)
        try alice.receive(forger.sealPrivate(proposal, generation: 0))
        let other = try forger.sign(forger.content(.proposal(psk())), as: .mlsPrivateMessage)
        expectRefusal(.generationUsed, of: try forger.sealPrivate(other, generation: 0), by: alice)
        // A Commit that is only looked at burns nothing; neither does one that is refused.
        var changes = CommitChanges()
        changes.confirmationTag = { $0[0] ^= 1 }
        let wrong = try forger.commit(wireFormat: .mlsPrivateMessage, changes: changes).content
        expectRefusal(.confirmationTag, of: try forger.sealPrivate(wrong, generation: 1), by: alice)
        let commit = try forger.commit(wireFormat: .mlsPrivateMessage).content
        let message = try forger.sealPrivate(commit, generation: 1)
        try alice.look(at: message)
        #expect(try alice.receive(message) == .commit(epoch: 2))
    }

    @Test("15.3-generation: a generation further ahead than a receiver goes along with")
    func generationTooFar() throws {
        let limit = SecretTreeLimits().maxForwardSteps
        expectRefusal(.generationTooFar, of: try forger.application("far", generation: limit + 1), by: alice)
        var changes = Forger.PrivateChanges()
        changes.senderData = { $0.generation = .max }
        expectRefusal(.generationTooFar, of: try forger.application("end", generation: 0, changes), by: alice)
        #expect(try alice.receive(forger.application("near", generation: limit)) == .application(Array("near".utf8)))
        expectRefusal(.generationTooFar, of: try forger.application("far", generation: 2 * limit + 2), by: alice)
        expectRefusal(.generationTooFar, of: try forger.application("end", generation: limit + 1, changes), by: alice)
        try alice.receive(forger.application("near", generation: 2 * limit + 1))
    }

    @Test("what is decrypted and is no content is malformed, and burns no key")
    func malformedContent() throws {
        for change: (inout [UInt8]) -> Void in [
            { $0 = [] }, { $0.removeLast() }, { $0.append(1) }, { $0[0] ^= 0xc0 },
        ] {
            var changes = Forger.PrivateChanges()
            changes.plaintext = change
            expectMalformed(try forger.application("hello", generation: 0, changes))
        }
        for change: (inout [UInt8]) -> Void in [{ $0 = [] }, { $0.removeLast() }, { $0.append(0) }] {
            var changes = Forger.PrivateChanges()
            changes.encodedSenderData = change
            expectMalformed(try forger.application("hello", generation: 0, changes))
        }
        var padded = Forger.PrivateChanges()
        padded.plaintext = { $0 += [0, 0, 0] }
        try alice.receive(forger.application("hello", generation: 0, padded))
    }

    private func expectMalformed(_ message: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) {
        let before = alice.state
        do throws(GroupError) {
            try alice.look(at: message)
            Issue.record("taken", sourceLocation: sourceLocation)
        } catch {
            guard case .malformed = error else {
                Issue.record("\(error)", sourceLocation: sourceLocation)
                return
            }
        }
        #expect(alice.state == before, sourceLocation: sourceLocation)
    }
}

extension FramedContent.Content {
    fileprivate var proposal: Proposal {
        guard case .proposal(let proposal) = self else { preconditionFailure("a proposal") }
        return proposal
    }
}
