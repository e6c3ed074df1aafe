import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation
import Testing

/// The code of the article "A group from creation to removal", which `DocumentationTests` compares with this file.
@Suite("The walkthrough of the documentation")
struct WalkthroughTests {
    @Test("a group from creation to removal")
    func walkthrough() throws {
        let suite = CipherSuite.mls128DHKEMX25519AES128GCMSHA256Ed25519
        let configuration = GroupConfiguration()
        func identity(_ name: String) throws -> ClientIdentity {
            ClientIdentity(
                credential: .basic(identity: Array(name.utf8)),
                signingKey: try SigningKey.generate(suite.signatureScheme))
        }
        let (alice, bob, carol) = try (identity("alice"), identity("bob"), identity("carol"))
        let now = ValidationPolicy.systemClock()
        let lifetime = Lifetime(notBefore: now - 3600, notAfter: now + 90 * 86_400)

        var aliceGroup = try Group(
            creating: Array("reading circle".utf8), suite: suite, identity: alice, lifetime: lifetime,
            configuration: configuration)

        let bobKeys = try KeyPackageSecrets(
            suite: suite, identity: bob, lifetime: lifetime, configuration: configuration)
        let published = MLSMessage.keyPackage(bobKeys.keyPackage).encoded

        guard case .keyPackage(let bobsPackage) = try MLSMessage(decoding: published) else { return }
        let adding = try aliceGroup.commit(CommitOptions([.add(Add(keyPackage: bobsPackage))]))
        // The group gets adding.commit; it is accepted.
        aliceGroup.mergePendingCommit()
        guard let welcome = adding.welcome else { return }
        var bobGroup = try Group(
            joining: welcome, keyPackages: [bobKeys], identity: bob, configuration: configuration)

        let hello = try aliceGroup.protect(Array("Which book is next?".utf8))
        guard case .application(let received) = try bobGroup.process(hello) else { return }
        let text = String(decoding: received.data, as: UTF8.self)
        #expect(text == "Which book is next?")

        /// Goes on with a Commit of somebody else.
        func follow(_ commit: [UInt8], _ group: inout Group) throws {
            guard case .commit(let staged) = try group.process(commit) else { return }
            group.merge(staged)
        }

        let update = try bobGroup.proposeUpdate().message
        _ = try aliceGroup.process(update)
        let updating = try aliceGroup.commit()
        aliceGroup.mergePendingCommit()
        try follow(updating.commit, &bobGroup)

        let groupInfo = try aliceGroup.groupInfo()
        let joining = try Group.joinExternally(groupInfo, identity: carol, configuration: configuration)
        let joiningCommit = joining.messages.commit
        var carolGroup = joining.group
        try follow(joiningCommit, &aliceGroup)
        try follow(joiningCommit, &bobGroup)

        let removing = try carolGroup.commit(CommitOptions([.remove(Remove(removed: bobGroup.ownLeaf))]))
        carolGroup.mergePendingCommit()
        try follow(removing.commit, &aliceGroup)
        try follow(removing.commit, &bobGroup)
        let isBobOut = bobGroup.isRemoved
        #expect(isBobOut)

        let isSameEpoch = aliceGroup.epochAuthenticator == carolGroup.epochAuthenticator
        #expect(isSameEpoch)

        let isLate: Bool
        do throws(GroupError) {
            _ = try aliceGroup.process(updating.commit)
            isLate = false
        } catch {
            isLate = error == .refused(.commitEpoch)
        }
        #expect(isLate)
    }
}
