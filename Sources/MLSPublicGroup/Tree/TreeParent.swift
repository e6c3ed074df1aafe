import MLSCodec
import TLSPresentation

/// A place for a parent node, with what is known of its subtree.
///
/// All of it is in one piece of memory. A commit copies the chunks that its path goes through, and what is copied costs by
/// the reference.
struct TreeParent: Sendable {
    /// The encoding of the parent node, none for a blank one; behind it the tree hash, none where it has to be computed
    /// again.
    private var bytes: [UInt8] = []
    private var nodeByteCount: UInt32 = 0
    /// How many leaves below are not blank.
    var nonBlankLeafCount: Int32 = 0
    /// How many nodes of the subtree are not blank, this one included.
    var nonBlankNodeCount: Int32 = 0

    var isBlank: Bool { nodeByteCount == 0 }

    /// The parent node, decoded; whoever sets it forgets the tree hash.
    var node: ParentNode? {
        get {
            if isBlank { return nil }
            // What this type encoded itself decodes.
            guard let node = try? ParentNode(decoding: encodedNode) else {
                preconditionFailure("an encoded parent node")
            }
            return node
        }
        set {
            var writer = Writer()
            if let newValue {
                // Room for the tree hash of most suites, which mostly follows.
                writer.reserve(
                    newValue.encryptionKey.count + newValue.parentHash.count + 4 * newValue.unmergedLeaves.count + 40)
                newValue.encode(into: &writer)
            }
            bytes = writer.take()
            nodeByteCount = UInt32(bytes.count)
        }
    }

    /// The encoding of the parent node; empty for a blank one.
    var encodedNode: RawSpan {
        @_lifetime(borrow self)
        get { bytes.rawSpan.extracting(first: Int(nodeByteCount)) }
    }

    /// The `encryption_key` of the parent node, which stands at its front; nil for a blank one.
    var encryptionKey: [UInt8]? {
        if isBlank { return nil }
        var reader = Reader(bytes.rawSpan)
        guard let key = try? reader.opaque() else { preconditionFailure("an encoded parent node") }
        return key
    }

    /// Nil where it has to be computed again.
    var treeHash: [UInt8]? {
        get { bytes.count == Int(nodeByteCount) ? nil : Array(bytes[Int(nodeByteCount)...]) }
        set {
            bytes.removeLast(bytes.count - Int(nodeByteCount))
            if let newValue { bytes += newValue }
        }
    }
}
