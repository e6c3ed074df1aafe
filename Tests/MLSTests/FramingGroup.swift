import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation
import Testing

/// One member's end of an epoch of a group in which members 0 and 1 know each other.
struct FramingMember: ~Copyable {
    var crypto: CipherSuiteContext
    let leaf: LeafIndex
    let context: FramingContext
    let senderDataSecret: SecretBytes
    let membershipKey: SecretBytes
    var tree: SecretTree
    let signingKey: SigningKey
    /// Of the other leaves that are not blank.
    var signatureKeys: [LeafIndex: SignaturePublicKey]

    /// Members 0 and 1 of `epoch`.
    static func pair(_ suite: CipherSuite, leafCount: Int = 2) throws -> FramingPair {
        let keys = try (0..<2).map { _ in try SigningKey.generate(suite.signatureScheme) }
        let hash = try suite.hashAlgorithm.byteCount
        let shared = FramingEpoch(
            context: FramingContext(
                GroupContext(
                    cipherSuite: suite, groupID: [1, 2, 3], epoch: 4, treeHash: [5], confirmedTranscriptHash: [6])),
            secrets: (0..<3).map { _ in randomBytes(hash) }, keys: keys, leafCount: leafCount)
        return FramingPair(first: try FramingMember(shared, 0), second: try FramingMember(shared, 1))
    }

    init(_ epoch: FramingEpoch, _ number: Int) throws {
        // All that throws, before anything is there that would have to be taken down again.
        let groupContext = try GroupContext(decoding: epoch.context.groupContext)
        let size = try #require(LeafCount(enclosing: epoch.leafCount))
        crypto = try CipherSuiteContext(groupContext.cipherSuite)
        leaf = LeafIndex(UInt32(number))
        context = epoch.context
        senderDataSecret = SecretBytes(epoch.secrets[0])
        membershipKey = SecretBytes(epoch.secrets[1])
        tree = SecretTree(encryptionSecret: SecretBytes(epoch.secrets[2]), leafCount: size)
        signingKey = epoch.keys[number]
        signatureKeys = [LeafIndex(UInt32(1 - number)): epoch.keys[1 - number].publicKey]
    }

    /// A content of one's own.
    func content(_ content: FramedContent.Content, authenticatedData: [UInt8] = []) -> FramedContent {
        FramedContent(
            groupID: context.groupID, epoch: context.epoch, sender: .member(leaf),
            authenticatedData: authenticatedData, content: content)
    }

    func sign(_ content: FramedContent, as wireFormat: WireFormat) throws(FramingError) -> AuthenticatedContent {
        var signed = try AuthenticatedContent(
            signing: content, wireFormat: wireFormat, context: context, key: signingKey)
        if content.contentType == .commit {
            signed.auth.confirmationTag = [UInt8](repeating: 9, count: crypto.hashByteCount)
        }
        return signed
    }

    mutating func protect(
        _ data: [UInt8], authenticatedData: [UInt8] = [], padding: Padding = .none
    ) throws(FramingError) -> [UInt8] {
        try context.protectApplication(
            data, authenticatedData: authenticatedData, from: leaf, padding: padding, signingKey: signingKey,
            senderDataSecret: senderDataSecret, tree: &tree, crypto: &crypto)
    }

    mutating func protect(
        _ message: AuthenticatedContent, padding: Padding = .none
    ) throws(FramingError) -> [UInt8] {
        try context.protectPrivate(
            message, padding: padding, senderDataSecret: senderDataSecret, tree: &tree, crypto: &crypto)
    }

    /// Opens a message without accepting it.
    mutating func look(at message: PrivateMessage) throws(FramingError) -> OpenedPrivateMessage {
        let keys = signatureKeys
        return try context.openPrivate(
            message, ownLeaf: leaf, senderDataSecret: senderDataSecret, tree: tree, crypto: &crypto
        ) { keys[$0] }
    }

    mutating func open(_ message: PrivateMessage) throws(FramingError) -> AuthenticatedContent {
        let opened = try look(at: message)
        return opened.accept(in: &tree)
    }

    /// Why the message is refused; nil where it is not. It is not accepted.
    mutating func refusal(of message: PrivateMessage) -> FramingError? {
        do throws(FramingError) {
            _ = try look(at: message)
            return nil
        } catch { return error }
    }
}

/// What members of an epoch share.
struct FramingEpoch {
    let context: FramingContext
    let secrets: [[UInt8]]
    let keys: [SigningKey]
    let leafCount: Int
}

struct FramingPair: ~Copyable {
    var first: FramingMember
    var second: FramingMember
}

/// The PrivateMessage in the encoding of an MLSMessage.
func privateMessage(_ bytes: [UInt8]) throws -> PrivateMessage {
    guard case .privateMessage(let message) = try MLSMessage(decoding: bytes) else {
        throw DecodingError(.invalidField("wire_format"), at: 0)
    }
    return message
}

let sampleProposal = Proposal.remove(Remove(removed: LeafIndex(7)))
