import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import TestSupport
import Testing

/// Somebody who is added to a group and follows it.
struct PassiveClientVector: Decodable {
    struct PSK: Decodable {
        let psk_id: Hex
        let psk: Hex
    }
    struct Epoch: Decodable {
        let proposals: [Hex]
        let commit: Hex
        let epoch_authenticator: Hex
    }
    let cipher_suite: UInt16
    let external_psks: [PSK]
    let key_package: Hex
    let signature_priv: Hex
    let encryption_priv: Hex
    let init_priv: Hex
    let welcome: Hex
    let ratchet_tree: Hex?
    let initial_epoch_authenticator: Hex
    let epochs: [Epoch]

    /// The names of the files that hold such, whatever they are called.
    static func files() throws -> [String] {
        try Vectors.files().filter { (try? Vectors.load($0, of: PassiveClientVector.self)) != nil }
    }
}

extension Hex {
    /// The bytes as a private key of `suite`: the files leave out a scalar's zeros at the front.
    fileprivate func scalar(_ suite: CipherSuite) throws -> [UInt8] {
        // Signature keys of a NIST curve have the same length; Ed448's longer ones are whole.
        [UInt8](repeating: 0, count: max(0, try suite.kem.privateKeyByteCount - bytes.count)) + bytes
    }
}

@Suite("Official vectors of whole groups (RFC 9420 section 12)")
struct PassiveClientTests {
    /// The leaves of the vectors have expired, and their lifetimes were as long as can be.
    static func configuration(_ keyPackage: KeyPackage) -> GroupConfiguration {
        var policy = ValidationPolicy(clock: nil, maxTotalLifetime: nil)
        policy.clientSupport?.extensionTypes = Set(keyPackage.leafNode.capabilities.extensions)
        policy.clientSupport?.proposalTypes = Set(keyPackage.leafNode.capabilities.proposals)
        return GroupConfiguration(policy: policy)
    }

    @Test("official vectors: every file of passive clients", arguments: try PassiveClientVector.files())
    func vectors(file: String) throws {
        for (number, vector) in try Vectors.load(file, of: PassiveClientVector.self).enumerated() {
            do { try follow(vector) } catch { Issue.record("\(file), case \(number): \(error)") }
        }
    }

    @Test("every vector file that there is has a test that runs it, and all that there are for RFC 9420 are there")
    func files() throws {
        let passive = try PassiveClientVector.files()
        let known: Set = [
            "crypto-basics", "deserialization", "key-schedule", "message-protection", "messages", "psk_secret",
            "secret-tree", "transcript-hashes", "tree-math", "tree-operations", "tree-validation", "treekem", "welcome",
        ]
        let others = try Vectors.files().filter { !passive.contains($0) }
        // Tests load the others by name; in folders below only passive clients are looked for.
        #expect(Set(others.map { String($0.dropLast(".json".count)) }) == known)
        #expect(passive.contains("passive-client-welcome.json"))
        #expect(passive.contains("passive-client-handling-commit.json"))
    }

    private func follow(_ vector: PassiveClientVector) throws {
        guard case .keyPackage(let keyPackage) = try MLSMessage(decoding: vector.key_package.bytes) else {
            throw Vectors.Missing(description: "key_package is no KeyPackage")
        }
        let suite = CipherSuite(rawValue: vector.cipher_suite)
        let (signaturePrivate, initPrivate, leafPrivate) = try (
            vector.signature_priv.scalar(suite), vector.init_priv.scalar(suite), vector.encryption_priv.scalar(suite)
        )
        let scheme = try suite.signatureScheme
        let kem = try suite.kem
        let signingKey = try SigningKey(privateKey: signaturePrivate.rawSpan, scheme: scheme)
        let identity = ClientIdentity(credential: keyPackage.leafNode.credential, signingKey: signingKey)
        let initKey = try HPKEPrivateKey(privateKey: initPrivate.rawSpan, kem: kem)
        let leafKey = try HPKEPrivateKey(privateKey: leafPrivate.rawSpan, kem: kem)
        let secrets = try KeyPackageSecrets(keyPackage, initKey: initKey, leafKey: leafKey)
        #expect(identity.signingKey.publicKey.bytes == keyPackage.leafNode.signatureKey)
        #expect(secrets.initKey.publicKeyBytes == keyPackage.initKey)
        #expect(secrets.leafKey.publicKeyBytes == keyPackage.leafNode.encryptionKey)
        let psks = PSKsInMemory(
            external: Dictionary(uniqueKeysWithValues: vector.external_psks.map { ($0.psk_id.bytes, $0.psk.bytes) }))
        let ratchetTree = try vector.ratchet_tree.map { try RatchetTree(decoding: $0.bytes) }
        var group = try Group(
            joining: vector.welcome.bytes, keyPackages: [secrets], ratchetTree: ratchetTree, identity: identity,
            psks: psks, configuration: Self.configuration(keyPackage))
        #expect(group.epochAuthenticator == vector.initial_epoch_authenticator.bytes)
        // Somebody without secrets follows along.
        var follower = group.publicGroup
        for epoch in vector.epochs {
            for proposal in epoch.proposals {
                guard case .proposal = try group.process(proposal.bytes, psks: psks) else {
                    Issue.record("a proposal")
                    return
                }
                try follow(proposal.bytes, &follower)
            }
            guard case .commit(let staged) = try group.process(epoch.commit.bytes, psks: psks) else {
                Issue.record("a Commit")
                return
            }
            group.merge(staged)
            #expect(group.epochAuthenticator == epoch.epoch_authenticator.bytes)
            try follow(epoch.commit.bytes, &follower)
            #expect(follower.groupContext == group.publicGroup.groupContext)
        }
    }

    private func follow(_ bytes: [UInt8], _ group: inout PublicGroup) throws {
        guard case .publicMessage(let message) = try MLSMessage(decoding: bytes) else { return }
        if case .commit(let staged) = try group.process(message) { group.merge(staged) }
    }
}
