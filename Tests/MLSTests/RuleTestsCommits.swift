import MLS
import MLSCodec
import MLSPublicGroup
import MLSTestSupport
import Testing

@Suite("Rules that members alone can check: Commits (RFC 9420 sections 7.5 and 12.4.2)")
struct CommitRuleTests {
    private let group: ForgedGroup
    private var forger: Forger { group.forger }
    private var alice: HonestMember { group[0] }
    private var bob: HonestMember { group[1] }

    init() throws { group = try ForgedGroup(["alice", "bob"]) }

    /// All take a Commit in which nothing is wrong.
    private func expectValidCommit() throws {
        let commit = try forger.commit()
        try group.merge(commit)
        #expect(alice.state.epochAuthenticator == forger.epochAuthenticator)
        #expect(bob.state.epochAuthenticator == forger.epochAuthenticator)
    }

    @Test(
        "7.5-derived-keys: a path secret that others' keys follow from",
        arguments: [WireFormat.mlsPublicMessage, .mlsPrivateMessage])
    func derivedKeys(wireFormat: WireFormat) throws {
        var changes = CommitChanges()
        changes.pathSecret = { index, secret in if index == 0 { secret[0] ^= 1 } }
        let commit = try forger.commit(wireFormat: wireFormat, changes: changes)
        expectRefusal(.pathSecretKeys, of: commit.message, by: alice)
        // Whoever gets a right one has nothing to complain of.
        try bob.look(at: commit.message)
        changes.pathSecret = { index, secret in if index == 1 { secret[31] ^= 1 } }
        let second = try forger.commit(wireFormat: wireFormat, changes: changes)
        expectRefusal(.pathSecretKeys, of: second.message, by: bob)
        try alice.look(at: second.message)
        try expectValidCommit()
    }

    @Test("7.5-decryption: a path secret that is not encrypted to a key of the receiver, or not of a secret's length")
    func pathSecretDecryption() throws {
        let wrongPaths: [(inout HPKECiphertext) -> Void] = [
            { $0.ciphertext[0] ^= 1 }, { $0.ciphertext = [] }, { $0.kemOutput[5] ^= 1 }, { $0.kemOutput = [] },
        ]
        for change in wrongPaths {
            var changes = CommitChanges()
            changes.path = { change(&$0.nodes[0].encryptedPathSecret[0]) }
            let commit = try forger.commit(changes: changes)
            expectRefusal(.pathSecretDecryption, of: commit.message, by: alice)
            try bob.look(at: commit.message)
        }
        for change: (inout [UInt8]) -> Void in [{ $0.removeLast() }, { $0.append(0) }, { $0 = [] }] {
            var changes = CommitChanges()
            changes.pathSecret = { index, secret in if index == 1 { change(&secret) } }
            let commit = try forger.commit(changes: changes)
            expectRefusal(.pathSecretDecryption, of: commit.message, by: bob)
            try alice.look(at: commit.message)
        }
        try expectValidCommit()
    }

    @Test("12.4.2-psk: a pre-shared key that the receiver does not have")
    func unknownPSK() throws {
        let psk = forger.psk(.external(pskID: [7]), secret: [1, 2, 3])
        let commit = try forger.commit(psks: [psk])
        expectRefusal(.pskAvailable, of: commit.message, by: alice)
        expectRefusal(.pskAvailable, of: commit.message, by: alice, psks: KnownPSKs([[8]: [1, 2, 3]]))
        // With another secret of that name it is the tag that is wrong.
        expectRefusal(.confirmationTag, of: commit.message, by: alice, psks: KnownPSKs([[7]: [1, 2]]))
        let past = forger.psk(
            .resumption(usage: .application, pskGroupID: forger.groupID, pskEpoch: 9), secret: [1, 2, 3])
        expectRefusal(.pskAvailable, of: try forger.commit(psks: [past]).message, by: alice)
        // Epoch 0 was before the members' time.
        let first = forger.psk(
            .resumption(usage: .application, pskGroupID: forger.groupID, pskEpoch: 0), secret: [1, 2, 3])
        expectRefusal(.pskAvailable, of: try forger.commit(psks: [first]).message, by: alice)
        let own = forger.psk(
            .resumption(usage: .application, pskGroupID: forger.groupID, pskEpoch: 1), secret: forger.resumptionPSK)
        try alice.look(at: forger.commit(psks: [own]).message)
        #expect(
            try alice.receive(commit.message, psks: KnownPSKs([[7]: [1, 2, 3]])) == .commit(epoch: 2))
    }

    @Test(
        "12.4.2-confirmation-tag: a confirmation tag of another epoch",
        arguments: [WireFormat.mlsPublicMessage, .mlsPrivateMessage])
    func confirmationTag(wireFormat: WireFormat) throws {
        let current = forger.group.confirmationTag
        for change: (inout [UInt8]) -> Void in [
            { $0[0] ^= 1 }, { $0[$0.count - 1] ^= 1 }, { $0.removeLast() }, { $0 = [] }, { $0.append(0) },
            { $0 = current },
        ] {
            var changes = CommitChanges()
            changes.confirmationTag = change
            let commit = try forger.commit(wireFormat: wireFormat, changes: changes)
            for member in group.members { expectRefusal(.confirmationTag, of: commit.message, by: member) }
        }
        try expectValidCommit()
    }

    @Test("12.4.2-removed: a group that one was removed from, to send to or to receive from")
    func removed() throws {
        let last = try forger.application("last")
        let proposal = try forger.proposal(
            .psk(PreSharedKey(psk: forger.psk(.external(pskID: [1]), secret: []).id)))
        let commit = try forger.commit([.proposal(.remove(Remove(removed: LeafIndex(1))))])
        try group.merge(commit)
        #expect(alice.state.isRemoved && !bob.state.isRemoved)
        for message in try [last, proposal, forger.application("next"), forger.commit().message, commit.message] {
            expectRefusal(.removedFromGroup, of: message, by: alice)
        }
        expectRefusal(.removedFromGroup) { try alice.group.protect([1]) }
        expectRefusal(.removedFromGroup) { try alice.group.proposeUpdate() }
        expectRefusal(.removedFromGroup) { try alice.group.propose(.remove(Remove(removed: LeafIndex(0)))) }
        expectRefusal(.removedFromGroup) { try alice.group.commit() }
        expectRefusal(.removedFromGroup) { try alice.group.groupInfo() }
        expectRefusal(.removedFromGroup) {
            _ = try alice.group.branched(groupID: [1], keyPackages: [], lifetime: TestClient.lifetime)
        }
        try bob.receive(forger.application("after"))
    }

    @Test("12.4.2-reinit: a group that was reinitialized, to send to or to receive from")
    func reInitialized() throws {
        let reInit = ReInit(groupID: [9], version: .mls10, cipherSuite: forger.client.suite)
        let late = try forger.application("late")
        try group.merge(forger.commit([.proposal(.reInit(reInit))]))
        #expect(!alice.state.isActive)
        for message in try [
            forger.application("next"), forger.commit().message,
            forger.proposal(.remove(Remove(removed: LeafIndex(1)))),
        ] {
            expectRefusal(.reInitialized, of: message, by: alice)
        }
        expectRefusal(.reInitialized) { try alice.group.protect([1]) }
        expectRefusal(.reInitialized) { try alice.group.proposeUpdate() }
        expectRefusal(.reInitialized) { try alice.group.propose(.remove(Remove(removed: LeafIndex(0)))) }
        expectRefusal(.reInitialized) { try alice.group.commit() }
        expectRefusal(.reInitialized) { try alice.group.groupInfo() }
        // What was sent before it ended can still be read.
        #expect(try alice.receive(late) == .application(Array("late".utf8)))
    }

    @Test("a Commit of another epoch, group or sender is refused by the rule that everybody checks")
    func framing() throws {
        var changes = CommitChanges()
        changes.content = { $0.epoch += 1 }
        expectRefusal(.commitEpoch, of: try forger.commit(changes: changes).message, by: alice)
        changes.content = { $0.groupID = [1] }
        expectRefusal(.groupID, of: try forger.commit(changes: changes).message, by: alice)
        changes.content = { $0.sender = .member(LeafIndex(2)) }
        expectRefusal(.contentSignature, of: try forger.commit(changes: changes).message, by: alice)
        changes.content = { $0.sender = .member(LeafIndex(3)) }
        expectRefusal(.memberSender, of: try forger.commit(changes: changes).message, by: alice)
        changes.content = { _ in }
        changes.leafNode = { $0.capabilities.versions = [] }
        try expectValidCommit()
    }
}
