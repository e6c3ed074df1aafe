import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation

/// A group of which one member is honest and is sent everything, and one is a forger who knows all secrets.
///
/// Leaves: the forger, bob, alice at a leaf that somebody left, a blank one, dave. Nobody but the forger and alice is
/// there to act.
package final class HostileWorld {
    static let suite = CipherSuite.mls128DHKEMX25519AES128GCMSHA256Ed25519

    let randomness = Randomness()
    let forger: Forger
    /// Somebody who is not in the group.
    let newcomer: Candidate
    let newcomerClient: TestClient
    private(set) var alice: HonestMember
    private let joinAlice: () throws -> HonestMember
    /// Encoded MLSMessages that are right: for the group, and then for the newcomer.
    let messages: [[UInt8]]
    let welcome: [UInt8]
    let groupInfo: [UInt8]
    let keyPackage: [UInt8]
    let externalCommit: FramedContent

    package init() throws {
        randomness.restart(1)
        let source = randomness.source
        func key(_ number: UInt8) throws -> SigningKey {
            let bytes = [UInt8](repeating: number, count: 32)
            return try SigningKey(privateKey: bytes.rawSpan, scheme: .ed25519)
        }
        let configuration = GroupConfiguration(policy: TestGroup.policy, randomSource: source)
        func candidate(_ name: String, _ number: UInt8) throws -> Candidate {
            try Candidate(name, suite: Self.suite, signingKey: key(number), configuration: configuration)
        }
        let forger = try Forger(
            TestClient("mallory", suite: Self.suite, signingKey: key(1)), randomSource: source)
        let others = try [candidate("bob", 2), candidate("carol", 3), candidate("erin", 4), candidate("dave", 5)]
        forger.merge(try forger.commit(others.map(\.add)))
        forger.merge(
            try forger.commit([2, 3].map { .proposal(.remove(Remove(removed: LeafIndex($0)))) }))
        let alice = try candidate("alice", 6)
        let entry = try forger.commit([alice.add])
        forger.merge(entry)
        joinAlice = { try alice.join(entry.welcome ?? []) }
        self.alice = try joinAlice()
        newcomer = try candidate("grace", 7)
        newcomerClient = try TestClient("grace", suite: Self.suite, signingKey: key(7))

        let psk = Proposal.psk(PreSharedKey(psk: forger.psk(.external(pskID: [1]), secret: []).id))
        let commit = try forger.commit([newcomer.add, .proposal(.remove(Remove(removed: LeafIndex(1))))])
        welcome = commit.welcome ?? []
        groupInfo = MLSMessage.groupInfo(try forger.groupInfo()).encoded
        keyPackage = MLSMessage.keyPackage(newcomer.keyPackage.keyPackage).encoded
        let joined = try Group.joinExternally(
            groupInfo, identity: newcomer.identity, configuration: newcomer.configuration)
        let external = joined.messages.commit
        guard case .publicMessage(let message) = try MLSMessage(decoding: external) else { throw Unexpected() }
        externalCommit = message.content
        messages = try [
            forger.application("hello", generation: 0), forger.proposal(psk),
            forger.sealPrivate(forger.sign(forger.content(.proposal(psk)), as: .mlsPrivateMessage), generation: 0),
            commit.message, forger.sealPrivate(forger.commit(wireFormat: .mlsPrivateMessage).content, generation: 1),
            external,
        ]
        self.forger = forger
        for message in messages { try self.alice.look(at: message) }
        try renew()
    }

    struct Unexpected: Error {}

    /// Alice as she was when she joined.
    private func renew() throws { alice = try joinAlice() }

    /// Alice gets a message. What she refuses changes nothing; what she takes she goes on with, and is herself again.
    func deliver(_ message: [UInt8]) throws {
        let before = alice.state
        do throws(GroupError) {
            try alice.receive(message)
        } catch {
            _ = error.description
            precondition(alice.state == before, "a refused message changed the group")
            return
        }
        try renew()
    }

    /// The newcomer gets a Welcome.
    func welcomeNewcomer(_ welcome: [UInt8]) {
        do throws(GroupError) { _ = try newcomer.join(welcome) } catch { _ = error.description }
    }

    /// The newcomer gets a GroupInfo to join by.
    func joinExternally(_ groupInfo: [UInt8]) {
        do throws(GroupError) {
            _ = try Group.joinExternally(
                groupInfo, identity: newcomer.identity, configuration: newcomer.configuration)
        } catch { _ = error.description }
    }

    /// Alice is to add whomever this is the KeyPackage of.
    func add(_ keyPackage: [UInt8]) throws {
        guard case .keyPackage(let keyPackage)? = try? MLSMessage(decoding: keyPackage) else { return }
        let before = alice.state
        do throws(GroupError) {
            _ = try alice.group.commit(CommitOptions([.add(Add(keyPackage: keyPackage))]))
        } catch {
            _ = error.description
            precondition(alice.state == before, "a refused KeyPackage changed the group")
            return
        }
        try renew()
    }
}
