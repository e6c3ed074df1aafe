package import MLSCodec
package import MLSCrypto
package import MLSPublicGroup
package import TLSPresentation

/// The keys of an epoch's messages: a tree of secrets as large as the ratchet tree, and below each leaf two ratchets.
/// RFC 9420 section 9.
///
/// Secrets are derived when they are asked for, and erased as soon as one that was derived from them is consumed
/// (section 9.2): a tree that was not used is one secret, whatever its size. Deriving a key changes nothing, because
/// the message may be forged; `consume` does, once the message is known to be authentic.
///
/// Invariant: of a leaf and its ancestors at most one has a secret, and none where the leaf has ratchets; a leaf has both
/// ratchets or none.
package struct SecretTree: ~Copyable {
    package let leafCount: LeafCount
    package let limits: SecretTreeLimits
    private var nodes: [NodeIndex: SharedSecret] = [:]
    private var ratchets: [RatchetID: Ratchet] = [:]
    /// The records that are not saved as they are now.
    private var changed: Set<SecretTreeRecord> = []
    /// Another one after each change, and in each tree: a step of what no longer is may not be consumed.
    private var revision = UInt64.random(in: 0 ... .max / 2)

    private struct RatchetID: Hashable {
        let leaf: LeafIndex
        let type: RatchetType
    }

    /// The tree of an epoch.
    /// - Parameters:
    ///   - encryptionSecret: the epoch's, which is the root.
    ///   - leafCount: the ratchet tree's.
    package init(
        encryptionSecret: consuming SecretBytes, leafCount: LeafCount, limits: SecretTreeLimits = SecretTreeLimits()
    ) {
        self.leafCount = leafCount
        self.limits = limits
        nodes[leafCount.root] = SharedSecret(copying: encryptionSecret.bytes)
        changed.insert(.node(leafCount.root))
    }

    // MARK: Keys

    /// The key of a message that is to be decrypted. Nothing changes until the step is consumed.
    /// - Throws: before anything was derived.
    /// - Complexity: so many derivations as generations are skipped, and two for each level of the tree the first time.
    package func step(
        _ leaf: LeafIndex, _ contentType: ContentType, generation: UInt32, crypto: inout CipherSuiteContext
    ) throws(SecretTreeError) -> SecretTreeStep {
        guard leafCount.contains(leaf) else { throw .noSuchLeaf }
        let type = RatchetType(contentType)
        if let ratchet = ratchets[RatchetID(leaf: leaf, type: type)] {
            let (key, rest) = try ratchet.taking(generation, limits: limits, crypto: &crypto)
            return SecretTreeStep(
                leaf: leaf, type: type, messageKey: MessageKey(kept: key), ratchet: rest, branch: nil,
                revision: revision)
        }
        // As `Ratchet.taking` will say, but before the path is derived.
        guard generation < .max else { throw .exhausted }
        guard generation <= limits.maxForwardSteps else { throw .tooFarAhead }
        let (ratchet, branch) = try branch(to: leaf, type, crypto: &crypto)
        let (key, rest) = try ratchet.taking(generation, limits: limits, crypto: &crypto)
        return SecretTreeStep(
            leaf: leaf, type: type, messageKey: MessageKey(kept: key), ratchet: rest, branch: branch, revision: revision
        )
    }

    /// Takes the step: its key cannot be had again, nor anything that it was derived from.
    /// - Returns: the key, for who is yet to use it.
    /// - Precondition: nothing was consumed since the step was derived.
    @discardableResult
    package mutating func consume(_ step: consuming SecretTreeStep) -> MessageKey {
        precondition(step.revision == revision, "a step of the tree as it is")
        revision += 1
        if let branch = step.branch {
            nodes[branch.origin] = nil
            changed.insert(.node(branch.origin))
            for (node, secret) in branch.siblings {
                nodes[node] = secret
                changed.insert(.node(node))
            }
            set(branch.otherRatchet, step.leaf, step.type == .handshake ? .application : .handshake)
        }
        set(step.ratchet, step.leaf, step.type)
        return step.messageKey
    }

    /// The key of the next message of one's own, which is consumed: whoever does not use it after all has skipped it.
    /// - Parameter leaf: one's own.
    /// - Throws: `noSuchLeaf`, `exhausted`.
    package mutating func next(
        _ leaf: LeafIndex, _ contentType: ContentType, crypto: inout CipherSuiteContext
    ) throws(SecretTreeError) -> MessageKey {
        let step = try step(leaf, contentType, generation: nextGeneration(leaf, contentType), crypto: &crypto)
        return consume(step)
    }

    /// The generation after the last one that was derived; 0 for a leaf that was not used yet.
    package func nextGeneration(_ leaf: LeafIndex, _ contentType: ContentType) -> UInt32 {
        ratchets[RatchetID(leaf: leaf, type: RatchetType(contentType))]?.nextGeneration ?? 0
    }

    private mutating func set(_ ratchet: Ratchet, _ leaf: LeafIndex, _ type: RatchetType) {
        ratchets[RatchetID(leaf: leaf, type: type)] = ratchet
        changed.insert(.ratchet(leaf, type))
    }

    /// The first ratchet of `type` of a leaf that has none yet, and what else comes of deriving it.
    private func branch(
        to leaf: LeafIndex, _ type: RatchetType, crypto: inout CipherSuiteContext
    ) throws(SecretTreeError) -> (Ratchet, SecretTreeBranch) {
        var (origin, secret) = try lowestSecret(above: leaf)
        let consumed = origin
        var siblings: [(node: NodeIndex, secret: SharedSecret)] = []
        let leafNode = NodeIndex(leaf)
        while let (left, right) = origin.children {
            let isLeft = leafNode.isInSubtree(of: left)
            let leftSecret = Self.child(of: secret, "left", crypto: &crypto)
            let rightSecret = Self.child(of: secret, "right", crypto: &crypto)
            siblings.append(isLeft ? (right, rightSecret) : (left, leftSecret))
            (origin, secret) = isLeft ? (left, leftSecret) : (right, rightSecret)
        }
        let other: RatchetType = type == .handshake ? .application : .handshake
        let ratchet = Self.ratchet(type, of: secret, crypto: &crypto)
        let otherRatchet = Self.ratchet(other, of: secret, crypto: &crypto)
        return (ratchet, SecretTreeBranch(origin: consumed, siblings: siblings, otherRatchet: otherRatchet))
    }

    /// The secret that a leaf without ratchets is derived from: its own, or that of an ancestor.
    private func lowestSecret(above leaf: LeafIndex) throws(SecretTreeError) -> (NodeIndex, SharedSecret) {
        var node: NodeIndex? = NodeIndex(leaf)
        while let current = node {
            if let secret = nodes[current] { return (current, secret) }
            node = current.parent(in: leafCount)
        }
        throw .incomplete
    }

    /// `ExpandWithLabel(., "tree", "left" or "right", KDF.Nh)`
    private static func child(
        of secret: SharedSecret, _ side: String, crypto: inout CipherSuiteContext
    ) -> SharedSecret {
        let context = [UInt8](side.utf8)
        let child = crypto.expandWithLabel(
            secret.bytes, label: "tree", context: context.rawSpan, byteCount: crypto.hashByteCount)
        return SharedSecret(copying: child.bytes)
    }

    /// `ExpandWithLabel(., "handshake" or "application", "", KDF.Nh)`
    private static func ratchet(
        _ type: RatchetType, of secret: SharedSecret, crypto: inout CipherSuiteContext
    ) -> Ratchet {
        Ratchet(SharedSecret(copying: crypto.deriveSecret(secret.bytes, label: type.label).bytes))
    }

    // MARK: Saving

    /// Gives `body` each record that changed since `markSaved`, with its bytes, or nil where it is no more.
    ///
    /// A new tree's only record counts as changed; one from records has none.
    /// - Complexity: O(log n) after each message, for a tree of n leaves.
    package func forEachChange<Failure: Error>(
        _ body: (SecretTreeRecord, SharedSecret?) throws(Failure) -> Void
    ) throws(Failure) {
        for record in changed {
            switch record {
            case .node(let node): try body(record, nodes[node])
            case .ratchet(let leaf, let type):
                try body(record, ratchets[RatchetID(leaf: leaf, type: type)].map { $0.saved() })
            }
        }
    }

    /// All records are saved as they are.
    package mutating func markSaved() { changed.removeAll(keepingCapacity: true) }

    /// Every record that may have been saved, for whoever deletes the tree.
    package var records: Set<SecretTreeRecord> {
        changed.union(nodes.keys.map { .node($0) }).union(ratchets.keys.map { .ratchet($0.leaf, $0.type) })
    }

    /// A tree without its secrets, which `restore` brings back.
    package init(restoring leafCount: LeafCount, limits: SecretTreeLimits = SecretTreeLimits()) {
        self.leafCount = leafCount
        self.limits = limits
    }

    /// Puts back what `forEachChange` gave. All records must be there before the tree is used.
    /// - Throws: where the record is of another tree or suite.
    package mutating func restore(
        _ record: SecretTreeRecord, from bytes: RawSpan, crypto: borrowing CipherSuiteContext
    ) throws(DecodingError) {
        switch record {
        case .node(let node):
            guard leafCount.nodeCount.contains(node) else { throw DecodingError(.invalidField("node"), at: 0) }
            guard bytes.byteCount == crypto.hashByteCount else {
                throw DecodingError(.invalidLength(type: "secret", byteCount: bytes.byteCount), at: 0)
            }
            nodes[node] = SharedSecret(copying: bytes)
        case .ratchet(let leaf, let type):
            guard leafCount.contains(leaf) else { throw DecodingError(.invalidField("leaf"), at: 0) }
            ratchets[RatchetID(leaf: leaf, type: type)] = try Ratchet(saved: bytes, crypto: crypto)
        }
    }

    /// Whether each leaf has one way to its keys: its ratchets, or one secret at or above it.
    ///
    /// For whoever has restored a tree from where it may be damaged.
    /// - Complexity: O(r log n + s) for the leaves that have ratchets and the nodes that have secrets.
    package var isWhole: Bool {
        var leaves: Set<LeafIndex> = []
        for id in ratchets.keys where id.type == .handshake { leaves.insert(id.leaf) }
        guard ratchets.count == 2 * leaves.count else { return false }
        guard ratchets.keys.allSatisfy({ leaves.contains($0.leaf) }) else { return false }
        var ranges = nodes.keys.map(\.leaves) + leaves.map { $0.rawValue..<$0.rawValue + 1 }
        ranges.sort { $0.lowerBound < $1.lowerBound }
        // Side by side without a gap from the first leaf to the last.
        var end: UInt32 = 0
        for range in ranges {
            guard range.lowerBound == end else { return false }
            end = range.upperBound
        }
        return end == leafCount.rawValue
    }

    /// Whether the node still has a secret, which is what its leaves' keys are derived from.
    package func hasSecret(_ node: NodeIndex) -> Bool { nodes[node] != nil }

    /// The secret that all keys of the epoch come from; nil once one of them was consumed.
    var encryptionSecret: SharedSecret? { nodes[leafCount.root] }

    /// How many records the tree has.
    package var recordCount: Int { nodes.count + ratchets.count }
}
