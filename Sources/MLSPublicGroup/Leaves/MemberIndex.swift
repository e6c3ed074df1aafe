import HashTreeCollections
import MLSCodec

/// What is known of all members of a group together, so that a Commit need not look at each of them: what all support,
/// which credential types are in use, and which clients are there. A value whose copies share what they have in common.
///
/// Invariant: it is what `insert` makes of the tree's leaf nodes, in whatever order.
struct MemberIndex: Sendable {
    private(set) var memberCount = 0
    /// How many members have a credential of each type.
    private(set) var credentialTypes = TypeCounts<CredentialType>()
    /// How many members list each type in their capabilities.
    private(set) var extensionSupport = TypeCounts<ExtensionType>()
    private(set) var proposalSupport = TypeCounts<ProposalType>()
    private(set) var credentialSupport = TypeCounts<CredentialType>()
    /// Where each client is that the Authentication Service has a name for.
    private var clients: TreeDictionary<[UInt8], LeafIndex> = [:]

    /// - Returns: the leaf where the same client is already.
    mutating func insert(
        _ leafNode: LeafNode, at leaf: LeafIndex, _ authenticationService: any AuthenticationService
    ) -> LeafIndex? {
        count(leafNode, 1)
        guard let client = authenticationService.clientID(of: leafNode) else { return nil }
        return clients.updateValue(leaf, forKey: client)
    }

    mutating func remove(
        _ leafNode: LeafNode, at leaf: LeafIndex, _ authenticationService: any AuthenticationService
    ) {
        count(leafNode, -1)
        // Another member may have taken the name since, in the same Commit.
        guard let client = authenticationService.clientID(of: leafNode), clients[client] == leaf else { return }
        clients[client] = nil
    }

    /// The same as `remove` and `insert`, for a member whose leaf node changes.
    mutating func replace(
        _ replaced: LeafNode, with leafNode: LeafNode, at leaf: LeafIndex,
        _ authenticationService: any AuthenticationService
    ) -> LeafIndex? {
        // Mostly it is only the keys that change.
        if replaced.credential == leafNode.credential, replaced.capabilities == leafNode.capabilities,
            replaced.signatureKey == leafNode.signatureKey
        {
            let client = authenticationService.clientID(of: leafNode)
            if client == nil || client == authenticationService.clientID(of: replaced) { return nil }
        }
        remove(replaced, at: leaf, authenticationService)
        return insert(leafNode, at: leaf, authenticationService)
    }

    private mutating func count(_ leafNode: LeafNode, _ change: Int) {
        memberCount += change
        credentialTypes.add(change, to: CollectionOfOne(leafNode.credential.credentialType))
        extensionSupport.add(change, to: leafNode.capabilities.extensions)
        proposalSupport.add(change, to: leafNode.capabilities.proposals)
        credentialSupport.add(change, to: leafNode.capabilities.credentials)
    }

    /// Whether every member lists the type, or need not.
    func allSupport(_ type: ExtensionType) -> Bool { type.isDefault || extensionSupport[type] == memberCount }
    func allSupport(_ type: ProposalType) -> Bool { type.isDefault || proposalSupport[type] == memberCount }
    func allSupport(_ type: CredentialType) -> Bool { credentialSupport[type] == memberCount }

    /// Whether every member can do what `required` asks. RFC 9420 section 11.1.
    func allSupport(_ required: RequiredCapabilities) -> Bool {
        required.extensionTypes.allSatisfy { allSupport($0) } && required.proposalTypes.allSatisfy { allSupport($0) }
            && required.credentialTypes.allSatisfy { allSupport($0) }
    }
}

/// How many members have each type of a kind.
struct TypeCounts<Element: Hashable & Sendable>: Sendable {
    private var counts: TreeDictionary<Element, Int> = [:]

    subscript(type: Element) -> Int { counts[type] ?? 0 }

    /// The types that somebody has.
    var types: some Collection<Element> { counts.keys }

    /// Counts each type of `types` once, however often a hostile list has it.
    fileprivate mutating func add(_ change: Int, to types: some Collection<Element>) {
        if types.count < 2 {
            for type in types { add(change, type) }
        } else {
            for type in Set(types) { add(change, type) }
        }
    }

    private mutating func add(_ change: Int, _ type: Element) {
        let count = self[type] + change
        counts[type] = count > 0 ? count : nil
    }
}
