import MLSCodec
import MLSPublicGroup
import TLSPresentation
import TestSupport
import Testing

struct TreeOperationsVector: Decodable {
    let cipher_suite: UInt16
    let tree_before: Hex
    let proposal: Hex
    let proposal_sender: UInt32
    let tree_hash_before: Hex
    let tree_after: Hex
    let tree_hash_after: Hex
}

@Suite("Changes of the tree (RFC 9420 sections 7.7 and 12.1)")
struct TreeOperationsTests {
    @Test("official vectors: tree-operations.json")
    func vectors() throws {
        for vector in try Vectors.load("tree-operations.json", of: TreeOperationsVector.self) {
            let suite = CipherSuite(rawValue: vector.cipher_suite)
            var tree = try GroupTree(RatchetTree(decoding: vector.tree_before.bytes), suite: suite)
            #expect(tree.ratchetTree.encoded == vector.tree_before.bytes)
            let hashBefore = tree.treeHash()
            #expect(hashBefore == vector.tree_hash_before.bytes)
            let before = tree
            switch try Proposal(decoding: vector.proposal.bytes) {
            case .add(let add): _ = tree.addLeaf(add.keyPackage.leafNode)
            case .update(let update): tree.updateLeaf(update.leafNode, at: LeafIndex(vector.proposal_sender))
            case .remove(let remove): tree.removeLeaf(at: remove.removed)
            default: Issue.record("a proposal that changes the tree")
            }
            #expect(tree.ratchetTree.encoded == vector.tree_after.bytes)
            let hashAfter = tree.treeHash()
            #expect(hashAfter == vector.tree_hash_after.bytes)
            // The copy from before is as it was.
            var untouched = before
            let hashUntouched = untouched.treeHash()
            #expect(hashUntouched == vector.tree_hash_before.bytes)
            #expect(before.ratchetTree.encoded == vector.tree_before.bytes)
            tree.checkInvariants()
        }
    }
}
