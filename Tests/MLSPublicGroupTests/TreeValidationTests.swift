import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation
import TestSupport
import Testing

struct TreeValidationVector: Decodable {
    let cipher_suite: UInt16
    let tree: Hex
    let group_id: Hex
    let tree_hashes: [Hex]
    let resolutions: [[UInt32]]
}

@Suite("Validity of a tree (RFC 9420 sections 7.8, 7.9 and 12.4.3.1)")
struct TreeValidationTests {
    @Test("official vectors: tree-validation.json")
    func vectors() throws {
        for vector in try Vectors.load("tree-validation.json", of: TreeValidationVector.self) {
            let suite = CipherSuite(rawValue: vector.cipher_suite)
            var tree = try GroupTree(RatchetTree(decoding: vector.tree.bytes), suite: suite)
            #expect(tree.ratchetTree.encoded == vector.tree.bytes)
            #expect(vector.resolutions.count == Int(tree.leafCount.nodeCount.rawValue))
            for (position, expected) in vector.resolutions.enumerated() {
                let node = NodeIndex(UInt32(position))
                #expect(tree.resolution(of: node).map(\.rawValue) == expected)
                let treeHash = tree.treeHash(of: node)
                #expect(treeHash == vector.tree_hashes[position].bytes)
            }
            let areValid = tree.parentHashesAreValid()
            #expect(areValid)
            #expect(tree.unmergedLeavesAreValid())
            #expect(tree.hasUniqueEncryptionKeys && tree.hasUniqueSignatureKeys)
            for leaf in tree.members {
                let leafNode = try #require(tree.leafNode(at: leaf))
                let key = try SignaturePublicKey(leafNode.signatureKey.rawSpan, scheme: suite.signatureScheme)
                let content = LeafNodeTBS(leafNode, groupID: vector.group_id.bytes, leafIndex: leaf).encoded
                let signature = leafNode.signature
                let isValid = key.verifyWithLabel(
                    LeafNodeTBS.label, content: content.rawSpan, signature: signature.rawSpan)
                #expect(isValid)
            }
            tree.checkInvariants()
        }
    }

    @Test("a parent hash that is not the one above is found, wherever it stands")
    func wrongParentHashes() throws {
        for vector in try Vectors.load("tree-validation.json", of: TreeValidationVector.self).prefix(14) {
            let suite = CipherSuite(rawValue: vector.cipher_suite)
            let nodes = try RatchetTree(decoding: vector.tree.bytes).nodes
            for position in nodes.indices {
                var changed = nodes
                switch nodes[position] {
                case .parent(var parentNode):
                    parentNode.encryptionKey[0] ^= 1
                    changed[position] = .parent(parentNode)
                case .leaf(var leafNode):
                    guard case .commit(var parentHash) = leafNode.source, !parentHash.isEmpty else { continue }
                    parentHash[0] ^= 1
                    leafNode.source = .commit(parentHash: parentHash)
                    changed[position] = .leaf(leafNode)
                case nil: continue
                }
                var tree = try GroupTree(RatchetTree(nodes: changed), suite: suite)
                // A leaf that committed may since have lost all nodes above it: then nothing asks for its parent hash.
                if case .leaf = nodes[position],
                    !NodeIndex(UInt32(position)).directPath(in: tree.leafCount).contains(where: { !tree.isBlank($0) })
                {
                    continue
                }
                let areValid = tree.parentHashesAreValid()
                #expect(!areValid, "node \(position)")
            }
        }
    }
}
