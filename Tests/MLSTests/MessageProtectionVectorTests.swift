import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation
import TestSupport
import Testing

@Suite("Official vectors: message-protection.json (RFC 9420 section 6)")
struct MessageProtectionVectorTests {
    struct Case: Decodable, Sendable {
        let cipher_suite: UInt16
        let group_id: Hex
        let epoch: UInt64
        let tree_hash: Hex
        let confirmed_transcript_hash: Hex
        let signature_priv: Hex
        let signature_pub: Hex
        let encryption_secret: Hex
        let sender_data_secret: Hex
        let membership_key: Hex
        let proposal: Hex
        let proposal_priv: Hex
        let proposal_pub: Hex
        let commit: Hex
        let commit_priv: Hex
        let commit_pub: Hex
        let application: Hex
        let application_priv: Hex

        var suite: CipherSuite { CipherSuite(rawValue: cipher_suite) }

        var context: FramingContext {
            FramingContext(
                GroupContext(
                    cipherSuite: suite, groupID: group_id.bytes, epoch: epoch, treeHash: tree_hash.bytes,
                    confirmedTranscriptHash: confirmed_transcript_hash.bytes))
        }

        /// Each content with its messages; application data is never public.
        func contents() throws -> [(content: FramedContent.Content, pub: [UInt8]?, priv: [UInt8])] {
            [
                (.proposal(try Proposal(decoding: proposal.bytes)), proposal_pub.bytes, proposal_priv.bytes),
                (.commit(try Commit(decoding: commit.bytes)), commit_pub.bytes, commit_priv.bytes),
                (.application(application.bytes), nil, application_priv.bytes),
            ]
        }

        func signatureKey() throws -> SignaturePublicKey {
            let bytes = signature_pub.bytes
            return try SignaturePublicKey(bytes.rawSpan, scheme: suite.signatureScheme)
        }

        func signingKey() throws -> SigningKey {
            // The file leaves a zero out that the most significant byte of P-521's scalar is.
            let missing = suite.rawValue == 5 ? 66 - signature_priv.bytes.count : 0
            let bytes = [UInt8](repeating: 0, count: missing) + signature_priv.bytes
            return try SigningKey(privateKey: bytes.rawSpan, scheme: suite.signatureScheme)
        }

        func tree() throws -> SecretTree {
            let size = try #require(LeafCount(enclosing: 2))
            return SecretTree(encryptionSecret: SecretBytes(encryption_secret.bytes), leafCount: size)
        }

        func signed(_ content: FramedContent.Content, as wireFormat: WireFormat) throws -> AuthenticatedContent {
            let content = FramedContent(
                groupID: group_id.bytes, epoch: epoch, sender: .member(LeafIndex(1)), content: content)
            var signed = try AuthenticatedContent(
                signing: content, wireFormat: wireFormat, context: context, key: signingKey())
            if content.contentType == .commit { signed.auth.confirmationTag = [1, 2, 3] }
            return signed
        }
    }

    private func cases() throws -> [Case] {
        let cases = try Vectors.load("message-protection.json", of: Case.self)
        #expect(Set(cases.map(\.cipher_suite)) == Set(1...7))
        return cases
    }

    @Test("public messages open, and one's own do too; application data is refused both ways")
    func publicMessages() throws {
        for vector in try cases() {
            var crypto = try CipherSuiteContext(vector.suite)
            let membershipKey = SecretBytes(vector.membership_key.bytes)
            for (content, pub, _) in try vector.contents() {
                guard let pub else {
                    #expect(throws: FramingError.applicationDataInPublic) {
                        try vector.signed(content, as: .mlsPublicMessage)
                    }
                    var disguised = try vector.signed(content, as: .mlsPrivateMessage)
                    disguised.wireFormat = .mlsPublicMessage
                    #expect(throws: FramingError.applicationDataInPublic) {
                        try vector.context.protectPublic(
                            disguised, membershipKey: membershipKey, crypto: &crypto)
                    }
                    let message = PublicMessage(content: disguised.content, auth: disguised.auth, membershipTag: [1])
                    #expect(throws: FramingError.applicationDataInPublic) {
                        try vector.context.openPublic(
                            message, membershipKey: membershipKey, key: vector.signatureKey(), crypto: &crypto)
                    }
                    continue
                }
                let own = try vector.context.protectPublic(
                    vector.signed(content, as: .mlsPublicMessage), membershipKey: membershipKey, crypto: &crypto)
                for bytes in [pub, MLSMessage.publicMessage(own).encoded] {
                    guard case .publicMessage(let message) = try MLSMessage(decoding: bytes) else {
                        Issue.record("a PublicMessage")
                        continue
                    }
                    let opened = try vector.context.openPublic(
                        message, membershipKey: membershipKey, key: vector.signatureKey(), crypto: &crypto)
                    #expect(opened.content.content == content)
                    #expect(opened.content.sender == .member(LeafIndex(1)))
                }
            }
        }
    }

    @Test("private messages open, and one's own do too")
    func privateMessages() throws {
        for vector in try cases() {
            var crypto = try CipherSuiteContext(vector.suite)
            let senderDataSecret = SecretBytes(vector.sender_data_secret.bytes)
            let key = try vector.signatureKey()
            for (content, _, priv) in try vector.contents() {
                var sending = try vector.tree()
                let own = try vector.context.protectPrivate(
                    vector.signed(content, as: .mlsPrivateMessage), padding: .byteCount(5),
                    senderDataSecret: senderDataSecret, tree: &sending, crypto: &crypto)
                for (bytes, paddingByteCount) in [(priv, nil as Int?), (own, 5)] {
                    var tree = try vector.tree()
                    let message = try privateMessage(bytes)
                    let opened = try vector.context.openPrivate(
                        message, ownLeaf: LeafIndex(0), senderDataSecret: senderDataSecret, tree: tree,
                        crypto: &crypto
                    ) { $0 == LeafIndex(1) ? key : nil }
                    let (sender, generation, padding) = (opened.sender, opened.generation, opened.paddingByteCount)
                    #expect(sender == LeafIndex(1) && generation == 0)
                    if let paddingByteCount { #expect(padding == paddingByteCount) }
                    let authenticated = opened.accept(in: &tree)
                    #expect(authenticated.content.content == content)
                    #expect((authenticated.auth.confirmationTag != nil) == (content.contentType == .commit))
                }
            }
        }
    }

    @Test("the sender data's key and nonce: secret-tree.json (RFC 9420 section 6.3.2)")
    func senderData() throws {
        for vector in try Vectors.load("secret-tree.json", of: SecretTreeTests.Case.self) {
            var crypto = try CipherSuiteContext(CipherSuite(rawValue: vector.cipher_suite))
            let secret = vector.sender_data.sender_data_secret.bytes
            let ciphertext = vector.sender_data.ciphertext.bytes
            let derived = crypto.senderDataKey(secret.rawSpan, ciphertext: ciphertext.rawSpan)
            let (key, nonce) = (copy(derived.key), copy(derived.nonce))
            #expect(key == vector.sender_data.key.bytes && nonce == vector.sender_data.nonce.bytes)
            // A ciphertext that is shorter than a hash is its own sample.
            let short = Array(ciphertext.prefix(20))
            let shortDerived = crypto.senderDataKey(secret.rawSpan, ciphertext: short.rawSpan)
            let shortKey = copy(shortDerived.key)
            let expected = crypto.expandWithLabel(
                secret.rawSpan, label: "key", context: short.rawSpan, byteCount: crypto.aeadAlgorithm.keyByteCount
            ).copy
            #expect(shortKey == expected)
        }
    }
}
