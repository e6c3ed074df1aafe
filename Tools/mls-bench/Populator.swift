import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation

/// Gives every parent node of a group's tree a key, as after years of Commits, for the few members that are measured.
///
/// That takes a Commit of every other leaf, and the state of thousands of members would take minutes to make. But to make
/// a Commit one needs no private key of the tree: the epoch's secrets, which all members share, and the signing key of
/// the leaf that it is to come from. So this follows the epochs once, and signs for whichever client's turn it is. What
/// comes out are Commits as the clients' own, and the measured members process and check each of them.
struct Populator: ~Copyable {
    private let clients: Clients
    private var group: PublicGroup
    private var secrets: EpochSecrets
    private var crypto: CipherSuiteContext

    /// - Parameters:
    ///   - welcome: the epoch's secrets come from the entry of the last client.
    ///   - group: the group of that epoch.
    init(_ clients: Clients, _ welcome: [UInt8], _ group: PublicGroup) throws {
        self.clients = clients
        self.group = group
        var crypto = try CipherSuiteContext(clients.suite)
        guard case .welcome(let welcome) = try MLSMessage(decoding: welcome), let keyPackage = clients.keyPackages.last,
            let entry = welcome.secrets.first(where: { $0.newMember == keyPackage.ref })
        else { preconditionFailure("a Welcome for the last client") }
        let encryptedGroupInfo = welcome.encryptedGroupInfo
        let joiner = try JoinerSecrets(
            opening: entry.encryptedGroupSecrets, initKey: keyPackage.initKey,
            encryptedGroupInfo: encryptedGroupInfo.rawSpan, crypto: &crypto)
        let context = group.encodedGroupContext
        let noPSK = SecretBytes.zero(byteCount: crypto.hashByteCount)
        secrets = joiner.joinerSecret.epochSecrets(psk: noPSK.bytes, groupContext: context.rawSpan, crypto: &crypto)
        self.crypto = crypto
    }

    /// The leaves that together populate all parents but the one above the first two leaves, in an order in which
    /// resolutions become short soon: each Commit halves what was left beside it. The first two leaves and the last one,
    /// if it is an odd one, are not among them: a member would take such a Commit for its own.
    static func committers(count: Int) -> [LeafIndex] {
        var size = 2
        while size < count { size *= 2 }
        var (leaves, step): ([Int], Int) = ([], size / 2)
        while step >= 2 {
            leaves += stride(from: step, to: count, by: 2 * step)
            step /= 2
        }
        return leaves.map { LeafIndex(UInt32($0)) }
    }

    /// A Commit of `leaf` with a path and nothing else.
    /// - Returns: an encoded MLSMessage.
    mutating func commit(from leaf: LeafIndex) throws -> [UInt8] {
        let identity = clients.identities[Int(leaf.rawValue)]
        var provisional = try group.applyProposals([], committer: .member(leaf))
        let leafKey = try crypto.generateKeyPair()
        let keys = try NewPath(provisional.tree.filteredDirectPath(of: leaf), leafKey: leafKey, crypto: &crypto)
        let parentHash = provisional.tree.mergePath(keys.publicKeys, from: leaf)
        let leafNode = try leafNode(of: leaf, leafKey.publicKeyBytes, parentHash, identity)
        try provisional.setOwnLeafNode(leafNode, parentHash: parentHash)
        let provisionalContext = provisional.groupContext(for: group.groupContext).encoded
        let nodes = try keys.encrypted(
            tree: provisional.tree, excluding: [], groupContext: provisionalContext, crypto: &crypto)
        let framing = FramingContext(group.groupContext)
        var content = try AuthenticatedContent(
            signing: FramedContent(
                groupID: framing.groupID, epoch: framing.epoch, sender: .member(leaf), authenticatedData: [],
                content: .commit(Commit(proposals: [], path: UpdatePath(leafNode: leafNode, nodes: nodes)))),
            wireFormat: .mlsPublicMessage, context: framing, key: identity.signingKey)
        let next = group.groupContext(after: ConfirmedTranscriptHashInput(content), &provisional)
        let nextSecrets = secrets.next(next, keys.commitSecret, crypto: &crypto)
        let confirmedHash = next.confirmedTranscriptHash
        let tag = nextSecrets.confirmationTag(confirmedTranscriptHash: confirmedHash.rawSpan, crypto: &crypto)
        content.auth.confirmationTag = tag
        let message = try framing.protectPublic(content, membershipKey: secrets.membershipKey, crypto: &crypto)
        group.merge(group.stage(provisional, groupContext: next, confirmationTag: tag))
        secrets = nextSecrets
        return MLSMessage.publicMessage(message).encoded
    }

    private func leafNode(
        of leaf: LeafIndex, _ encryptionKey: [UInt8], _ parentHash: [UInt8], _ identity: ClientIdentity
    ) throws -> LeafNode {
        guard var leafNode = group.tree.leafNode(at: leaf) else { preconditionFailure("a member") }
        leafNode.encryptionKey = encryptionKey
        leafNode.source = .commit(parentHash: parentHash)
        let content = LeafNodeTBS(leafNode, groupID: group.groupContext.groupID, leafIndex: leaf).encoded
        leafNode.signature = try identity.signingKey.signWithLabel(LeafNodeTBS.label, content: content.rawSpan)
        return leafNode
    }
}

extension EpochSecrets {
    /// The secrets of the epoch that a Commit begins.
    fileprivate borrowing func next(
        _ context: GroupContext, _ commitSecret: PathSecret, crypto: inout CipherSuiteContext
    ) -> EpochSecrets {
        let encoded = context.encoded
        let noPSK = SecretBytes.zero(byteCount: crypto.hashByteCount)
        let commitSecret = commitSecret.secret
        let joiner = JoinerSecret(
            initSecret: initSecret.bytes, commitSecret: commitSecret.bytes, groupContext: encoded.rawSpan,
            crypto: &crypto)
        return joiner.epochSecrets(psk: noPSK.bytes, groupContext: encoded.rawSpan, crypto: &crypto)
    }
}
