import MLSCodec
import MLSPublicGroup
import TestSupport
import Testing

struct TreeMathVector: Decodable {
    let n_leaves: Int
    let n_nodes: UInt32
    let root: UInt32
    let left: [UInt32?]
    let right: [UInt32?]
    let parent: [UInt32?]
    let sibling: [UInt32?]
}

@Suite("Tree math (RFC 9420 appendix C)")
struct TreeMathTests {
    @Test("official vectors: tree-math.json")
    func vectors() throws {
        for vector in try Vectors.load("tree-math.json", of: TreeMathVector.self) {
            let size = try #require(LeafCount(enclosing: vector.n_leaves))
            #expect(size.nodeCount.rawValue == vector.n_nodes)
            #expect(size.root.rawValue == vector.root)
            let nodes = (0..<vector.n_nodes).map(NodeIndex.init(_:))
            #expect(nodes.map { $0.left?.rawValue } == vector.left)
            #expect(nodes.map { $0.right?.rawValue } == vector.right)
            #expect(nodes.map { $0.parent(in: size)?.rawValue } == vector.parent)
            #expect(nodes.map { $0.sibling(in: size)?.rawValue } == vector.sibling)
        }
    }

    @Test("subtrees, common ancestors and leaves agree with walking up the direct paths")
    func walks() throws {
        let size = try #require(LeafCount(enclosing: 16))
        let nodes = (0..<size.nodeCount.rawValue).map { NodeIndex($0) }
        for node in nodes {
            let path = [node] + node.directPath(in: size)
            #expect(path.last == size.root)
            #expect(node.copath(in: size) == path.dropLast().compactMap { $0.sibling(in: size) })
            for other in nodes {
                #expect(node.isInSubtree(of: other) == path.contains(other))
                let otherPath = [other] + other.directPath(in: size)
                #expect(node.commonAncestor(with: other) == path.first { otherPath.contains($0) })
            }
            let below = (0..<size.rawValue).filter { NodeIndex(LeafIndex($0)).isInSubtree(of: node) }
            #expect(Array(node.leaves) == below)
        }
    }

    @Test("a tree has room for a power of two of leaves, at least one and at most 2^30")
    func sizes() {
        #expect(LeafCount(enclosing: 0) == nil)
        #expect(LeafCount(enclosing: 5)?.rawValue == 8)
        #expect(LeafCount(enclosing: 1 << 30)?.doubled == nil)
        #expect(LeafCount(enclosing: 1 << 30 + 1) == nil)
        #expect(LeafCount.one.halved == nil)
    }
}
