package import MLS
package import MLSCodec
package import MLSCrypto
package import MLSPublicGroup
import TLSPresentation

/// A member that knows all secrets of its group, and sends what a member may not: one value is changed at one stage of
/// a message, and all that follows from it is right again. What a member alone can check is reached by nobody else.
///
/// It does by hand what `Group` does, so that it can do it wrong.
package final class Forger {
    package let client: TestClient
    package private(set) var group: PublicGroup
    package private(set) var privateKeys: TreeKEMPrivateKeys
    package private(set) var secrets: EpochSecrets
    /// Nothing is ever consumed in it: the same key may be used again.
    package private(set) var secretTree: SecretTree
    package var crypto: CipherSuiteContext
    private var nextGenerations: [ContentType: UInt32] = [:]

    package static let groupID = Array("forged".utf8)

    /// A group with the forger alone, in epoch 0.
    package init(
        _ client: TestClient, groupID: [UInt8] = groupID, extensions: [Extension] = [],
        randomSource: RandomSource = .system, policy: ValidationPolicy = TestGroup.policy
    ) throws {
        var crypto = try CipherSuiteContext(client.suite, randomSource: randomSource)
        let leafKey = try crypto.generateKeyPair()
        let leafNode = try client.leafNode(.keyPackage(TestClient.lifetime)) {
            $0.encryptionKey = leafKey.publicKeyBytes
        }
        let (groupContext, tree) = try PublicGroup.newGroup(
            groupID: groupID, suite: client.suite, extensions: extensions, creator: leafNode, policy: policy)
        let psk = SecretBytes.zero(byteCount: crypto.hashByteCount)
        var secrets = JoinerSecret(crypto.randomSecret(byteCount: crypto.hashByteCount))
            .epochSecrets(psk: psk.bytes, groupContext: RawSpan(), crypto: &crypto)
        let tag = secrets.confirmationTag(confirmedTranscriptHash: RawSpan(), crypto: &crypto)
        group = try PublicGroup(unchecked: groupContext, tree: tree, confirmationTag: tag, policy: policy)
        self.client = client
        privateKeys = TreeKEMPrivateKeys(leaf: LeafIndex(0), leafKey: leafKey)
        secretTree = Self.secretTree(&secrets, group)
        self.secrets = secrets
        self.crypto = crypto
    }

    private static func secretTree(_ secrets: inout EpochSecrets, _ group: PublicGroup) -> SecretTree {
        guard let secret = secrets.takeEncryptionSecret() else { preconditionFailure("secrets of a new epoch") }
        return SecretTree(
            encryptionSecret: secret, leafCount: group.tree.leafCount,
            limits: SecretTreeLimits(maxForwardSteps: 10_000, maxOutOfOrderKeys: 10_000))
    }

    package var leaf: LeafIndex { privateKeys.leaf }
    package var groupID: [UInt8] { group.groupContext.groupID }
    package var epoch: UInt64 { group.groupContext.epoch }
    package var epochAuthenticator: [UInt8] { secrets.epochAuthenticator.withBytes { [UInt8]($0) } }
    package var resumptionPSK: [UInt8] { secrets.resumptionPSK.withBytes { [UInt8]($0) } }

    /// A secret out of `secrets`, of which a class lends no span.
    func copy(_ secret: borrowing SecretBytes) -> SecretBytes { SecretBytes(copying: secret.bytes) }

    /// Goes on to the epoch of a Commit that it made.
    package func merge(_ commit: ForgedCommit) {
        group = commit.group
        privateKeys = commit.privateKeys
        let psk = SharedSecret(copying: commit.pskSecret.rawSpan)
        let groupContext = group.encodedGroupContext
        let joiner = commit.joinerSecret
        var next = JoinerSecret(SecretBytes(copying: joiner.rawSpan))
            .epochSecrets(psk: psk.bytes, groupContext: groupContext.rawSpan, crypto: &crypto)
        secretTree = Self.secretTree(&next, group)
        secrets = next
        nextGenerations = [:]
    }

    /// Caches somebody's proposal.
    package func receive(_ proposal: [UInt8]) throws {
        guard case .publicMessage(let message) = try MLSMessage(decoding: proposal) else { return }
        _ = try group.process(message)
    }

    /// The generation after the last one that was asked for.
    func nextGeneration(_ contentType: ContentType) -> UInt32 {
        // Proposals and Commits have one ratchet.
        let type: ContentType = contentType == .application ? .application : .commit
        defer { nextGenerations[type, default: 0] += 1 }
        return nextGenerations[type, default: 0]
    }
}

extension Forger {
    // MARK: Messages

    package func content(_ content: FramedContent.Content, authenticatedData: [UInt8] = []) -> FramedContent {
        FramedContent(
            groupID: groupID, epoch: epoch, sender: .member(leaf), authenticatedData: authenticatedData,
            content: content)
    }

    /// Signs whatever it is. A Commit's confirmation tag is to be put in yet.
    package func sign(
        _ content: FramedContent, as wireFormat: WireFormat = .mlsPublicMessage
    ) throws -> AuthenticatedContent {
        let signed = FramedContentTBS(wireFormat: wireFormat, content: content, context: group.encodedGroupContext)
        return AuthenticatedContent(
            wireFormat: wireFormat, content: content,
            auth: FramedContentAuthData(signature: try client.sign(FramedContentTBS.label, signed)))
    }

    /// The encoding of an MLSMessage that somebody signed, in the way that its wire format says.
    package func seal(_ message: AuthenticatedContent) throws -> [UInt8] {
        try message.wireFormat == .mlsPrivateMessage ? sealPrivate(message) : sealPublic(message)
    }

    package func sealPublic(
        _ message: AuthenticatedContent, tag change: (inout [UInt8]) -> Void = { _ in }
    ) -> [UInt8] {
        var tag: [UInt8]?
        if case .member = message.content.sender {
            let signed = FramedContentTBS(
                wireFormat: message.wireFormat, content: message.content, context: group.encodedGroupContext)
            let tagged = AuthenticatedContentTBM(contentTBS: signed, auth: message.auth).encoded
            let key = copy(secrets.membershipKey)
            var bytes = crypto.mac(key: key.bytes, data: tagged.rawSpan)
            change(&bytes)
            tag = bytes
        }
        return MLSMessage.publicMessage(
            PublicMessage(content: message.content, auth: message.auth, membershipTag: tag)
        ).encoded
    }

    /// What is wrong with a PrivateMessage.
    package struct PrivateChanges {
        /// The encoding of the PrivateMessageContent.
        package var plaintext: (inout [UInt8]) -> Void = { _ in }
        /// Before the sender data are encrypted with a sample of it.
        package var ciphertext: (inout [UInt8]) -> Void = { _ in }
        package var senderData: (inout SenderData) -> Void = { _ in }
        package var encodedSenderData: (inout [UInt8]) -> Void = { _ in }
        package var encryptedSenderData: (inout [UInt8]) -> Void = { _ in }

        package init() {}
    }

    /// - Parameter generation: whose key it is encrypted with; nil for the next one.
    package func sealPrivate(
        _ message: AuthenticatedContent, generation: UInt32? = nil, _ changes: PrivateChanges = PrivateChanges()
    ) throws -> [UInt8] {
        let content = message.content
        let type = content.contentType
        let generation = generation ?? nextGeneration(type)
        let step = try secretTree.step(leaf, type, generation: generation, crypto: &crypto)
        var plaintext = PrivateMessageContent(content: content.content, auth: message.auth).encoded
        changes.plaintext(&plaintext)
        var senderData = SenderData(leafIndex: leaf, generation: generation, reuseGuard: 0x0102_0304)
        changes.senderData(&senderData)
        let aad = PrivateContentAAD(
            groupID: content.groupID, epoch: content.epoch, contentType: type,
            authenticatedData: content.authenticatedData
        ).encoded
        let nonce = step.messageKey.nonce(guardedBy: senderData.reuseGuard)
        var ciphertext = crypto.seal(
            plaintext.rawSpan, key: step.messageKey.key, nonce: nonce.bytes, authenticating: aad.rawSpan)
        changes.ciphertext(&ciphertext)
        var encodedSenderData = senderData.encoded
        changes.encodedSenderData(&encodedSenderData)
        let senderDataSecret = copy(secrets.senderDataSecret)
        let senderDataKey = crypto.senderDataKey(senderDataSecret.bytes, ciphertext: ciphertext.rawSpan)
        let senderDataAAD = SenderDataAAD(groupID: content.groupID, epoch: content.epoch, contentType: type).encoded
        var encrypted = crypto.seal(
            encodedSenderData.rawSpan, key: senderDataKey.key, nonce: senderDataKey.nonce,
            authenticating: senderDataAAD.rawSpan)
        changes.encryptedSenderData(&encrypted)
        return MLSMessage.privateMessage(
            PrivateMessage(
                groupID: content.groupID, epoch: content.epoch, contentType: type,
                authenticatedData: content.authenticatedData, encryptedSenderData: encrypted, ciphertext: ciphertext)
        ).encoded
    }

    /// Application data, encrypted.
    package func application(
        _ text: String, generation: UInt32? = nil, _ changes: PrivateChanges = PrivateChanges()
    ) throws -> [UInt8] {
        try sealPrivate(
            sign(content(.application(Array(text.utf8))), as: .mlsPrivateMessage), generation: generation, changes)
    }

    package func proposal(_ proposal: Proposal) throws -> [UInt8] { try seal(sign(content(.proposal(proposal)))) }

    /// A GroupInfo of this epoch, changed before it is signed.
    package func groupInfo(
        hasExternalPub: Bool = true, _ change: (inout GroupInfo) throws -> Void = { _ in }
    ) throws -> GroupInfo {
        var extensions = [Extension(group.ratchetTree)]
        if hasExternalPub {
            let key = try secrets.externalKeyPair(crypto: &crypto)
            extensions.append(Extension(ExternalPub(externalPub: key.publicKeyBytes)))
        }
        return try signed(
            GroupInfo(
                groupContext: group.groupContext, extensions: extensions, confirmationTag: group.confirmationTag,
                signer: leaf), change)
    }

    func signed(_ groupInfo: GroupInfo, _ change: (inout GroupInfo) throws -> Void) throws -> GroupInfo {
        var groupInfo = groupInfo
        try change(&groupInfo)
        groupInfo.signature = try client.sign(GroupInfoTBS.label, GroupInfoTBS(groupInfo))
        return groupInfo
    }
}
