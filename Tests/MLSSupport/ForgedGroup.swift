package import MLS
package import MLSCodec
package import MLSCrypto
package import MLSPublicGroup
import TLSPresentation

/// A member who does what it should, in a group with a forger: `Group` itself, in a place of its own.
package final class HonestMember {
    package var group: Group

    package init(_ group: consuming Group) { self.group = group }

    /// What of a group somebody who is refused must not have changed.
    package struct State: Hashable, Sendable {
        package let groupContext: GroupContext
        package let epochAuthenticator: [UInt8]
        package let pendingProposals: [QueuedProposal]
        package let hasPendingCommit: Bool
        package let isActive: Bool
        package let isRemoved: Bool
    }

    package var state: State {
        State(
            groupContext: group.groupContext, epochAuthenticator: group.epochAuthenticator,
            pendingProposals: group.publicGroup.pendingProposals, hasPendingCommit: group.hasPendingCommit,
            isActive: group.isActive, isRemoved: group.isRemoved)
    }

    /// What a message is to its receiver; a Commit is taken.
    package enum Received: Hashable, Sendable {
        case application([UInt8])
        case proposal(Proposal)
        case commit(epoch: UInt64)
        case pendingCommit
    }

    @discardableResult
    package func receive(_ message: [UInt8], psks: KnownPSKs = KnownPSKs()) throws(GroupError) -> Received {
        switch try group.process(message, psks: psks) {
        case .application(let message): return .application(message.data)
        case .proposal(let queued): return .proposal(queued.proposal)
        case .commit(let staged):
            group.merge(staged)
            return .commit(epoch: group.epoch)
        case .pendingCommit: return .pendingCommit
        }
    }

    /// Looks at a message, and takes no Commit.
    package func look(at message: [UInt8], psks: KnownPSKs = KnownPSKs()) throws(GroupError) {
        _ = try group.process(message, psks: psks)
    }
}

/// External pre-shared keys.
package struct KnownPSKs: PreSharedKeyStore {
    package var external: [[UInt8]: [UInt8]]

    package init(_ external: [[UInt8]: [UInt8]] = [:]) { self.external = external }

    package func externalPSK(_ id: [UInt8]) -> SecretBytes? { external[id].map { SecretBytes(copying: $0.rawSpan) } }
    package func resumptionPSK(groupID: [UInt8], epoch: UInt64) -> SecretBytes? { nil }
}

/// Somebody who wants to be added, with what it has published.
package struct Candidate {
    package let identity: ClientIdentity
    package let keyPackage: KeyPackageSecrets
    package let configuration: GroupConfiguration

    /// - Parameter signingKey: nil for a new one.
    package init(
        _ name: String, suite: CipherSuite, signingKey: SigningKey? = nil,
        configuration: GroupConfiguration = GroupConfiguration(policy: TestGroup.policy)
    ) throws {
        identity = ClientIdentity(
            credential: .basic(identity: Array(name.utf8)),
            signingKey: try signingKey ?? SigningKey.generate(suite.signatureScheme))
        self.configuration = configuration
        keyPackage = try KeyPackageSecrets(
            suite: suite, identity: identity, lifetime: TestClient.lifetime, configuration: configuration)
    }

    /// Another KeyPackage of the same client.
    package func another() throws -> KeyPackageSecrets {
        try KeyPackageSecrets(
            suite: keyPackage.keyPackage.cipherSuite, identity: identity, lifetime: TestClient.lifetime,
            configuration: configuration)
    }

    package var add: ProposalOrRef { .proposal(.add(Add(keyPackage: keyPackage.keyPackage))) }

    /// - Parameter spare: a KeyPackage beside the one that was added.
    package func join(
        _ welcome: [UInt8], spare: [KeyPackageSecrets] = [], psks: KnownPSKs = KnownPSKs(),
        knownGroupIDs: Set<[UInt8]> = []
    ) throws(GroupError) -> HonestMember {
        HonestMember(
            try Group(
                joining: welcome, keyPackages: [keyPackage] + spare, identity: identity, psks: psks,
                knownGroupIDs: knownGroupIDs, configuration: configuration))
    }
}

/// A forger, at leaf 0, and honest members at the leaves behind.
package final class ForgedGroup {
    package let forger: Forger
    package private(set) var members: [HonestMember] = []

    package init(
        _ names: [String], suite: CipherSuite = .mls128DHKEMP256AES128GCMSHA256P256, groupID: [UInt8] = Forger.groupID,
        extensions: [Extension] = []
    ) throws {
        forger = try Forger(TestClient("mallory", suite: suite), groupID: groupID, extensions: extensions)
        let candidates = try names.map { try Candidate($0, suite: suite) }
        let commit = try forger.commit(candidates.map(\.add))
        forger.merge(commit)
        members = try candidates.map { try $0.join(commit.welcome ?? []) }
    }

    package subscript(position: Int) -> HonestMember { members[position] }

    /// All go on with a Commit of the forger.
    package func merge(_ commit: ForgedCommit) throws {
        for member in members { try member.receive(commit.message) }
        forger.merge(commit)
    }
}
