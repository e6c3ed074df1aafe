import MLSCodec
import TLSPresentation

extension GroupTree {
    /// Traps unless what is kept along with the nodes is what a tree made anew from them has. For tests.
    public func checkInvariants() {
        guard let fresh = try? GroupTree(ratchetTree, suite: suite) else { preconditionFailure("a tree with a shape") }
        precondition(fresh.leafCount == leafCount, "the smallest size that holds all leaves")
        for position in 0..<leafCount.nodeCount.rawValue {
            let node = NodeIndex(position)
            precondition(fresh.nonBlankLeafCount(below: node) == nonBlankLeafCount(below: node), "leaf counts")
            precondition(fresh.nonBlankNodeCount(below: node) == nonBlankNodeCount(below: node), "node counts")
        }
        var (mine, others) = (self, fresh)
        precondition(mine.treeHash() == others.treeHash(), "tree hashes")
        precondition(hasTheKeys(of: fresh), "key counts")
    }
}
