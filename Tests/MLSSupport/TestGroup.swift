public import MLSCodec
import MLSCrypto
public import MLSPublicGroup
import TLSPresentation

/// A group of clients whose signing keys are all here, followed by a PublicGroup: it makes messages that are right but
/// for what a test changes in them. Tags are random, since nobody here has secrets.
public struct TestGroup: Sendable {
    public var group: PublicGroup
    /// Whose each leaf is.
    public var clients: [LeafIndex: TestClient]

    public static let policy = ValidationPolicy(clock: { TestClient.now })

    /// A group in epoch 1 or 2: its creator added the others, and committed a path if wanted, so that there are parents.
    public init(
        _ names: [String], suite: CipherSuite = .mls128DHKEMP256AES128GCMSHA256P256, extensions: [Extension] = [],
        policy: ValidationPolicy = policy, hasPath: Bool = true
    ) throws {
        let members = try names.map { try TestClient($0, suite: suite) }
        let leafNode = try members[0].leafNode(.keyPackage(TestClient.lifetime))
        let (groupContext, tree) = try PublicGroup.newGroup(
            groupID: Array("group".utf8), suite: suite, extensions: extensions, creator: leafNode, policy: policy)
        group = try PublicGroup(
            unchecked: groupContext, tree: tree, confirmationTag: randomBytes(32), policy: policy)
        clients = [LeafIndex(0): members[0]]
        if members.count > 1 { try add(Array(members.dropFirst())) }
        if hasPath { try merge(commit([], by: 0)) }
    }

    public subscript(leaf: UInt32) -> TestClient {
        get throws {
            guard let client = clients[LeafIndex(leaf)] else { throw NoSuchMember(leaf: leaf) }
            return client
        }
    }

    public struct NoSuchMember: Error {
        let leaf: UInt32
    }

    public var groupID: [UInt8] { group.groupContext.groupID }

    // MARK: Messages

    /// A message with that sender, signed by `signer`; changed before it is signed.
    public func message(
        _ content: FramedContent.Content, from sender: Sender, signer: TestClient,
        wireFormat: WireFormat = .mlsPublicMessage, _ change: (inout FramedContent) -> Void = { _ in }
    ) throws -> AuthenticatedContent {
        var framed = FramedContent(
            groupID: groupID, epoch: group.groupContext.epoch, sender: sender, content: content)
        change(&framed)
        let signed = FramedContentTBS(wireFormat: wireFormat, content: framed, context: group.encodedGroupContext)
        return AuthenticatedContent(
            wireFormat: wireFormat, content: framed,
            auth: FramedContentAuthData(
                signature: try signer.sign(FramedContentTBS.label, signed),
                confirmationTag: framed.contentType == .commit ? randomBytes(32) : nil))
    }

    /// A proposal of the member at a leaf.
    public func proposal(
        _ proposal: Proposal, from leaf: UInt32, wireFormat: WireFormat = .mlsPublicMessage
    ) throws -> AuthenticatedContent {
        try message(.proposal(proposal), from: .member(LeafIndex(leaf)), signer: self[leaf], wireFormat: wireFormat)
    }

    /// Caches a proposal of the member at a leaf, and gives its reference.
    public mutating func propose(_ proposal: Proposal, from leaf: UInt32) throws -> ProposalOrRef {
        try receive(self.proposal(proposal, from: leaf))
    }

    /// Verifies and caches a proposal.
    @discardableResult
    public mutating func receive(_ message: AuthenticatedContent) throws -> ProposalOrRef {
        try group.verify(message)
        return .reference(try group.addProposal(message))
    }

    /// An Update of the member at a leaf.
    public func update(_ leaf: UInt32, _ change: (inout LeafNode) throws -> Void = { _ in }) throws -> Proposal {
        .update(Update(leafNode: try self[leaf].leafNode(.update, groupID: groupID, leaf: LeafIndex(leaf), change)))
    }

    // MARK: Commits

    /// A Commit of the member at a leaf, with a path where it has to have one.
    /// - Parameters:
    ///   - hasPath: whether it has one all the same, or all the same none.
    ///   - changes: what is wrong with the path.
    public func commit(
        _ proposals: [ProposalOrRef], by leaf: UInt32, hasPath: Bool? = nil, _ changes: PathChanges = PathChanges(),
        wireFormat: WireFormat = .mlsPublicMessage
    ) throws -> AuthenticatedContent {
        let leaf = LeafIndex(leaf)
        var (tree, added) = try naiveTree(after: proposals)
        var path: UpdatePath?
        if hasPath ?? requiresPath(proposals) {
            path = try changes.path(in: &tree, from: leaf, self[leaf.rawValue], groupID: groupID, added: added)
        }
        return try message(
            .commit(Commit(proposals: proposals, path: path)), from: .member(leaf), signer: self[leaf.rawValue],
            wireFormat: wireFormat)
    }

    /// An external Commit by which `joiner` joins.
    public func externalCommit(
        _ proposals: [ProposalOrRef] = [.proposal(.externalInit(ExternalInit(kemOutput: [1])))], by joiner: TestClient,
        hasPath: Bool = true, _ changes: PathChanges = PathChanges()
    ) throws -> AuthenticatedContent {
        var (tree, added) = try naiveTree(after: proposals)
        let leaf = tree.addLeaf(try joiner.leafNode(.update))
        var path: UpdatePath?
        if hasPath {
            path = try changes.path(in: &tree, from: leaf, joiner, groupID: groupID, added: added)
        }
        return try message(
            .commit(Commit(proposals: proposals, path: path)), from: .newMemberCommit, signer: joiner)
    }

    /// Checks a Commit and goes on to the next epoch.
    @discardableResult
    public mutating func merge(_ commit: AuthenticatedContent, joiner: TestClient? = nil) throws -> StagedPublicCommit {
        let staged = try group.stage(commit)
        group.merge(staged)
        for leaf in staged.removed { clients[leaf] = nil }
        if let joiner { clients[staged.committer] = joiner }
        return staged
    }

    /// The creator adds them.
    public mutating func add(_ members: [TestClient]) throws {
        let adds = try members.map { ProposalOrRef.proposal(.add(Add(keyPackage: try $0.keyPackage()))) }
        let staged = try merge(commit(adds, by: 0))
        for (added, client) in zip(staged.added, members) { clients[added.leafIndex] = client }
    }

    private func requiresPath(_ proposals: [ProposalOrRef]) -> Bool {
        let types = proposals.compactMap { lookUp($0)?.proposal.proposalType }
        return types.isEmpty || types.contains { ![.add, .psk, .reInit].contains($0) }
    }

    private func lookUp(_ entry: ProposalOrRef) -> (proposal: Proposal, sender: Sender?)? {
        switch entry {
        case .proposal(let proposal): (proposal, nil)
        case .reference(let ref):
            group.pendingProposals.first { $0.ref == ref }.map { ($0.proposal, $0.sender) }
        }
    }

    /// The tree after `proposals`, whatever is wrong with them, as far as they can be applied.
    private func naiveTree(after proposals: [ProposalOrRef]) throws -> (GroupTree, added: Set<LeafIndex>) {
        var tree = group.tree
        let proposals = proposals.compactMap(lookUp)
        for case (.update(let update), .member(let leaf)) in proposals { tree.updateLeaf(update.leafNode, at: leaf) }
        for (proposal, sender) in proposals {
            switch (proposal, sender) {
            case (.selfRemove, .member(let leaf)): tree.removeLeaf(at: leaf)
            case (.remove(let remove), _):
                if tree.signatureKey(at: remove.removed) != nil { tree.removeLeaf(at: remove.removed) }
            default: break
            }
        }
        var added: Set<LeafIndex> = []
        for case (.add(let add), _) in proposals { added.insert(tree.addLeaf(add.keyPackage.leafNode)) }
        return (tree, added)
    }
}
