import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import Testing

@Suite("Rules that members alone can check: joining (RFC 9420 sections 12.4.3.1 and 12.4.3.2)")
struct JoiningRuleTests {
    /// Its signature scheme, KEM and hash are those of another suite too.
    private static let suite = CipherSuite.mls128DHKEMX25519AES128GCMSHA256Ed25519
    private static let otherSuite = CipherSuite.mls128DHKEMX25519ChaCha20Poly1305SHA256Ed25519
    private let group: ForgedGroup
    private var forger: Forger { group.forger }
    private let carol: Candidate

    init() throws {
        group = try ForgedGroup(["alice", "bob"], suite: Self.suite)
        carol = try Candidate("carol", suite: Self.suite)
    }

    /// Expects a Welcome for carol to be refused, and the same one without the changes to be taken.
    private func expectRefusal(
        _ rule: ValidationRule, psks: [Forger.PSK] = [], known: KnownPSKs = KnownPSKs(),
        spare: [KeyPackageSecrets] = [], knownGroupIDs: Set<[UInt8]> = [],
        sourceLocation: SourceLocation = #_sourceLocation, _ change: (inout CommitChanges) -> Void
    ) throws {
        var changes = CommitChanges()
        change(&changes)
        let wrong = try forger.commit([carol.add], psks: psks, changes: changes)
        MLSTestSupport.expectRefusal(rule, sourceLocation: sourceLocation) {
            try carol.join(wrong.welcome ?? [], spare: spare, psks: known, knownGroupIDs: knownGroupIDs)
        }
        let commit = try forger.commit([carol.add])
        let member = try carol.join(commit.welcome ?? [], spare: spare)
        #expect(member.state.groupContext == commit.group.groupContext, sourceLocation: sourceLocation)
        // Whoever is in the group sees nothing wrong in a Commit whose Welcome is.
        if psks.isEmpty { try group[0].look(at: wrong.message) }
    }

    @Test("12.4.3.1-new-member: a Welcome for others")
    func newMember() throws {
        try expectRefusal(.welcomeEntry) { $0.welcome = { $0.secrets[0].newMember[0] ^= 1 } }
        try expectRefusal(.welcomeEntry) { $0.welcome = { $0.secrets = [] } }
        let dave = try Candidate("dave", suite: Self.suite)
        let commit = try forger.commit([dave.add])
        MLSTestSupport.expectRefusal(.welcomeEntry) { try carol.join(commit.welcome ?? []) }
        _ = try dave.join(commit.welcome ?? [])
    }

    @Test("12.4.3.1-cipher-suite: a Welcome of another suite than its KeyPackage")
    func cipherSuite() throws {
        try expectRefusal(.welcomeSuite) { $0.welcome = { $0.cipherSuite = Self.otherSuite } }
        try expectRefusal(.welcomeSuite) { $0.welcome = { $0.cipherSuite = CipherSuite(rawValue: 0x0a0a) } }
    }

    @Test("12.4.3.1-group-secrets: secrets that are not encrypted to the KeyPackage, or for another GroupInfo")
    func groupSecrets() throws {
        try expectRefusal(.groupSecretsDecryption) {
            $0.welcome = { $0.secrets[0].encryptedGroupSecrets.ciphertext[0] ^= 1 }
        }
        try expectRefusal(.groupSecretsDecryption) {
            $0.welcome = { $0.secrets[0].encryptedGroupSecrets.kemOutput = [] }
        }
        try expectRefusal(.groupSecretsDecryption) { $0.welcome = { $0.encryptedGroupInfo[0] ^= 1 } }
    }

    @Test("secrets that are decrypted and are none are malformed")
    func malformedGroupSecrets() throws {
        for change: (inout [UInt8]) -> Void in [{ $0.removeLast() }, { $0.append(0) }, { $0 = [] }, { $0[0] ^= 1 }] {
            var changes = CommitChanges()
            changes.encodedGroupSecrets = change
            let welcome = try forger.commit([carol.add], changes: changes).welcome ?? []
            do throws(GroupError) {
                _ = try carol.join(welcome)
                Issue.record("taken")
            } catch {
                guard case .malformed = error else {
                    Issue.record("\(error)")
                    return
                }
            }
        }
    }

    @Test("12.4.3.1-psk: a pre-shared key that the joiner does not have")
    func psk() throws {
        let psk = forger.psk(.external(pskID: [7]), secret: [1, 2, 3])
        try expectRefusal(.welcomePSK, psks: [psk]) { _ in }
        try expectRefusal(.welcomePSK, psks: [psk], known: KnownPSKs([[8]: [1, 2, 3]])) { _ in }
        let past = forger.psk(
            .resumption(usage: .application, pskGroupID: forger.groupID, pskEpoch: 1), secret: forger.resumptionPSK)
        try expectRefusal(.welcomePSK, psks: [past]) { _ in }
        // With another secret of that name it is the GroupInfo that does not open.
        try expectRefusal(.groupInfoDecryption, psks: [psk], known: KnownPSKs([[7]: [1, 2]])) { _ in }
        let commit = try forger.commit([carol.add], psks: [psk])
        _ = try carol.join(commit.welcome ?? [], psks: KnownPSKs([[7]: [1, 2, 3]]))
    }

    @Test("12.4.3.1-only-psk: two resumption PSKs of which each begins a group")
    func onlyPSK() throws {
        let nonce = [UInt8](repeating: 0, count: 32)
        func id(_ usage: ResumptionPSKUsage, _ epoch: UInt64) -> PreSharedKeyID {
            PreSharedKeyID(.resumption(usage: usage, pskGroupID: [1], pskEpoch: epoch), pskNonce: nonce)
        }
        for ids in [
            [id(.reinit, 1), id(.reinit, 2)], [id(.reinit, 1), id(.branch, 1)], [id(.branch, 1), id(.branch, 1)],
        ] {
            try expectRefusal(.welcomeOnlyPSK) { $0.groupSecrets = { $0.psks = ids } }
        }
        // Each by itself is for who joins as somebody who goes on from that group.
        try expectRefusal(.pskReInitUsage) { $0.groupSecrets = { $0.psks = [id(.reinit, 1)] } }
        try expectRefusal(.pskBranchUsage) { $0.groupSecrets = { $0.psks = [id(.branch, 1)] } }
    }

    @Test("12.4.3.1-group-info: a GroupInfo that is not encrypted with the epoch's key")
    func groupInfo() throws {
        try expectRefusal(.groupInfoDecryption) { $0.encryptedGroupInfo = { $0[0] ^= 1 } }
        try expectRefusal(.groupInfoDecryption) { $0.encryptedGroupInfo = { $0[$0.count - 1] ^= 1 } }
        try expectRefusal(.groupInfoDecryption) { $0.encryptedGroupInfo = { $0 = [] } }
        try expectRefusal(.groupInfoDecryption) { $0.groupSecrets = { $0.joinerSecret[0] ^= 1 } }
    }

    @Test("12.4.3.1-group-info-suite: a GroupInfo of another suite than the KeyPackage")
    func groupInfoSuite() throws {
        try expectRefusal(.groupInfoSuite) { $0.groupInfo = { $0.groupContext.cipherSuite = Self.otherSuite } }
    }

    @Test("12.4.3-group-id: a group that the joiner is in already")
    func groupID() throws {
        try expectRefusal(.groupIDUnique, knownGroupIDs: [[1], forger.groupID]) { _ in }
        let commit = try forger.commit([carol.add])
        _ = try carol.join(commit.welcome ?? [], knownGroupIDs: [[1]])
    }

    @Test("12.4.3.1-own-leaf: a KeyPackage that is not in the tree")
    func ownLeaf() throws {
        let spare = try carol.another()
        try expectRefusal(.ownLeaf, spare: [spare]) { $0.joiner = { $0 = spare.keyPackage } }
    }

    @Test("12.4.3.1-path-secret: a path secret that the tree's keys do not follow from")
    func pathSecret() throws {
        try expectRefusal(.welcomePathSecret) { $0.groupSecrets = { $0.pathSecret?[0] ^= 1 } }
        // One from below says nothing of what is above either.
        let other = [UInt8](repeating: 1, count: 32)
        try expectRefusal(.welcomePathSecret) { $0.groupSecrets = { $0.pathSecret = other } }
    }

    @Test("12.4.3.1-confirmation-tag: a GroupInfo with another epoch's confirmation tag, or transcript")
    func confirmationTag() throws {
        let current = forger.group.confirmationTag
        let changes: [(inout GroupInfo) -> Void] = [
            { $0.confirmationTag[0] ^= 1 }, { $0.confirmationTag = [] }, { $0.confirmationTag.removeLast() },
            { $0.confirmationTag = current }, { $0.groupContext.confirmedTranscriptHash[0] ^= 1 },
            { $0.groupContext.epoch += 1 },
        ]
        for change in changes { try expectRefusal(.groupInfoConfirmationTag) { $0.groupInfo = change } }
    }

    @Test("what is no Welcome, or no GroupInfo, is refused as such")
    func wireFormat() throws {
        let groupInfo = MLSMessage.groupInfo(try forger.groupInfo()).encoded
        MLSTestSupport.expectRefusal(.wireFormat) { try carol.join(groupInfo) }
        let welcome = try forger.commit([carol.add]).welcome ?? []
        MLSTestSupport.expectRefusal(.wireFormat) {
            _ = try Group.joinExternally(welcome, identity: carol.identity, configuration: carol.configuration)
        }
        for message in [welcome, groupInfo] { MLSTestSupport.expectRefusal(.wireFormat, of: message, by: group[0]) }
    }

    @Test("12.4.3.2-external-pub: a GroupInfo by which nobody can join: without the key, or with one that is none")
    func externalPub() throws {
        func join(_ groupInfo: GroupInfo) throws {
            _ = try Group.joinExternally(
                MLSMessage.groupInfo(groupInfo).encoded, identity: carol.identity, configuration: carol.configuration)
        }
        for key: [UInt8] in [[], [1], [UInt8](repeating: 0, count: 32)] {
            let groupInfo = try forger.groupInfo(hasExternalPub: false) {
                $0.extensions.append(Extension(ExternalPub(externalPub: key)))
            }
            MLSTestSupport.expectRefusal(.externalPub) { try join(groupInfo) }
        }
        let without = try forger.groupInfo(hasExternalPub: false)
        MLSTestSupport.expectRefusal(.externalPub) { try join(without) }
        try join(forger.groupInfo())
    }

    @Test("an external Commit whose kem_output opens to nothing is refused")
    func externalInit() throws {
        let groupInfo = MLSMessage.groupInfo(try forger.groupInfo()).encoded
        let joined = try Group.joinExternally(groupInfo, identity: carol.identity, configuration: carol.configuration)
        let commit = joined.messages.commit
        guard case .publicMessage(var message) = try MLSMessage(decoding: commit),
            case .commit(var content) = message.content.content
        else {
            Issue.record("a Commit")
            return
        }
        let signer = try TestClient("carol", suite: Self.suite, signingKey: carol.identity.signingKey)
        for (kemOutput, rule) in [
            ([], ValidationRule.externalInit), ([UInt8](repeating: 0, count: 32), .externalInit),
            (try carol.another().keyPackage.initKey, .confirmationTag),
        ] {
            content.proposals = [.proposal(.externalInit(ExternalInit(kemOutput: kemOutput)))]
            message.content.content = .commit(content)
            let signed = FramedContentTBS(
                wireFormat: .mlsPublicMessage, content: message.content, context: forger.group.encodedGroupContext)
            message.auth.signature = try signer.sign(FramedContentTBS.label, signed)
            MLSTestSupport.expectRefusal(rule, of: MLSMessage.publicMessage(message).encoded, by: group[0])
        }
        #expect(try group[0].receive(commit) == .commit(epoch: 2))
    }
}
