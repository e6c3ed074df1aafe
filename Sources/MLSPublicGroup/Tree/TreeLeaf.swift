import MLSCodec
import TLSPresentation

/// A leaf node as a tree keeps it: the bytes that were signed and that are hashed, with its keys at hand.
///
/// Decoded, a leaf node is a dozen arrays; as bytes it is one, a quarter of the memory.
struct TreeLeaf: Sendable {
    /// The encoding of the leaf node.
    let bytes: [UInt8]
    private let encryptionKeyRange: Range<UInt32>
    private let signatureKeyRange: Range<UInt32>

    init(_ leafNode: LeafNode) {
        bytes = leafNode.encoded
        // They stand at the front: opaque encryption_key<V>, opaque signature_key<V>.
        let encryptionKeyStart = Writer.varintByteCount(leafNode.encryptionKey.count)
        let encryptionKeyEnd = encryptionKeyStart + leafNode.encryptionKey.count
        let signatureKeyStart = encryptionKeyEnd + Writer.varintByteCount(leafNode.signatureKey.count)
        encryptionKeyRange = UInt32(encryptionKeyStart)..<UInt32(encryptionKeyEnd)
        signatureKeyRange = UInt32(signatureKeyStart)..<UInt32(signatureKeyStart + leafNode.signatureKey.count)
    }

    /// The leaf node, decoded.
    var leafNode: LeafNode {
        // What this type encoded itself decodes.
        guard let leafNode = try? LeafNode(decoding: bytes) else { preconditionFailure("an encoded leaf node") }
        return leafNode
    }

    var encryptionKey: [UInt8] { Array(bytes[Int(encryptionKeyRange.lowerBound)..<Int(encryptionKeyRange.upperBound)]) }

    var signatureKey: [UInt8] { Array(bytes[Int(signatureKeyRange.lowerBound)..<Int(signatureKeyRange.upperBound)]) }
}
