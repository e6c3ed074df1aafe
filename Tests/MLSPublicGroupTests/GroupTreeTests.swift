import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation
import TestSupport
import Testing

@Suite("The tree of a group (RFC 9420 sections 4 and 7)")
struct GroupTreeTests {
    /// A leaf node with keys that nobody else has. Nothing here looks at signatures.
    static func leafNode(_ number: Int) -> LeafNode {
        LeafNode(
            encryptionKey: Array("encryption \(number)".utf8), signatureKey: Array("signature \(number)".utf8),
            credential: .basic(identity: Array("\(number)".utf8)), capabilities: Capabilities(), source: .update)
    }

    @Test("after each of many random changes counts, hashes and keys are those of a tree made anew", arguments: 0..<8)
    func randomChanges(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var number = 0
        func next() -> Int {
            number += 1
            return number
        }
        var tree = try GroupTree(
            suite: .mls128DHKEMX25519AES128GCMSHA256Ed25519, creator: Self.leafNode(0))
        for _ in 0..<150 {
            let before = tree
            let encodedBefore = before.ratchetTree
            let member = try #require(tree.members.randomElement(using: &random))
            switch UInt8.random(in: 0..<8, using: &random) {
            case 0...2: #expect(!before.members.contains(tree.addLeaf(Self.leafNode(next()))))
            case 3 where tree.memberCount > 1: tree.removeLeaf(at: member)
            case 4: tree.updateLeaf(Self.leafNode(next()), at: member)
            default:
                let keys = tree.filteredDirectPath(of: member).map { _ in Array("path \(next())".utf8) }
                var leafNode = Self.leafNode(next())
                leafNode.source = .commit(parentHash: tree.mergePath(keys, from: member))
                tree.setLeaf(leafNode, at: member)
                #expect(keys.allSatisfy(tree.containsEncryptionKey))
            }
            tree.checkInvariants()
            let isValid = tree.parentHashesAreValid()
            #expect(isValid && tree.unmergedLeavesAreValid(), "seed \(seed)")
            #expect(tree.hasUniqueEncryptionKeys && tree.hasUniqueSignatureKeys)
            #expect(before.ratchetTree == encodedBefore)
            // What has to be saved is what differs.
            let size = max(before.leafCount.nodeCount.rawValue, tree.leafCount.nodeCount.rawValue)
            let different = (0..<size).map(NodeIndex.init(_:)).filter { node in
                node.leaf.map { before.encodedLeafNode(at: $0) != tree.encodedLeafNode(at: $0) }
                    ?? (before.parentNode(at: node) != tree.parentNode(at: node))
            }
            #expect(Set(tree.nodesChanged(since: before)) == Set(different))
        }
    }

    @Test("a resolution leaves out who joins with the Commit, and blank subtrees are no one's copath")
    func resolutions() throws {
        var tree = try GroupTree(
            suite: .mls128DHKEMX25519AES128GCMSHA256Ed25519, creator: Self.leafNode(0))
        for number in 1..<5 { _ = tree.addLeaf(Self.leafNode(number)) }
        #expect(tree.leafCount.rawValue == 8)
        let joiner: Set = [LeafIndex(4)]
        #expect(tree.resolution(of: tree.leafCount.root).map(\.rawValue) == [0, 2, 4, 6, 8])
        #expect(tree.resolution(of: tree.leafCount.root, excluding: joiner).map(\.rawValue) == [0, 2, 4, 6])
        // Leaf 4 has nobody beside it but on the other side of the root.
        #expect(
            tree.filteredDirectPath(of: LeafIndex(4)) == [
                PathNode(node: NodeIndex(7), copathChild: NodeIndex(3))
            ])
    }

    @Test("keys that two nodes share are seen, and no longer when one of them goes")
    func duplicateKeys() throws {
        var tree = try GroupTree(
            suite: .mls128DHKEMX25519AES128GCMSHA256Ed25519, creator: Self.leafNode(0))
        _ = tree.addLeaf(Self.leafNode(1))
        let twin = tree.addLeaf(Self.leafNode(1))
        #expect(!tree.hasUniqueEncryptionKeys && !tree.hasUniqueSignatureKeys)
        tree.removeLeaf(at: twin)
        #expect(tree.hasUniqueEncryptionKeys && tree.hasUniqueSignatureKeys)
        _ = tree.mergePath([Self.leafNode(1).encryptionKey], from: LeafIndex(0))
        #expect(!tree.hasUniqueEncryptionKeys && tree.hasUniqueSignatureKeys)
    }

    @Test("a tree that ends in a blank node or a parent, or has a node in the wrong place, is refused")
    func shapes() throws {
        let leaf = Node.leaf(Self.leafNode(0))
        let parent = Node.parent(ParentNode(encryptionKey: [1]))
        let suite = CipherSuite.mls128DHKEMX25519AES128GCMSHA256Ed25519
        for nodes in [[], [nil], [leaf, nil], [leaf, parent], [leaf, nil, nil]] {
            #expect(throws: GroupError.refused(.ratchetTreeLastNode)) {
                try GroupTree(RatchetTree(nodes: nodes), suite: suite)
            }
        }
        for nodes in [[leaf, leaf, leaf], [parent, nil, leaf]] {
            #expect(throws: GroupError.refused(.ratchetTreeNodeKind)) {
                try GroupTree(RatchetTree(nodes: nodes), suite: suite)
            }
        }
        #expect(throws: GroupError.crypto(.unsupportedCipherSuite(CipherSuite(rawValue: 0x0a0a)))) {
            try GroupTree(RatchetTree(nodes: [leaf]), suite: CipherSuite(rawValue: 0x0a0a))
        }
    }
}
