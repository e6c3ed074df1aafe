package import MLSCodec
import MLSCrypto
import MLSPublicGroup

/// A key that was looked up, and what its use would change in the secret tree. A step that ends without being consumed
/// leaves the tree as it was.
package struct SecretTreeStep: ~Copyable {
    package let leaf: LeafIndex
    package let type: RatchetType
    /// For the one message that it is about.
    package let messageKey: MessageKey
    /// The ratchet without the key.
    let ratchet: Ratchet
    /// What becomes of the path to a leaf that was not used before; nil where it was.
    let branch: SecretTreeBranch?
    /// The tree that this is a step of, as it was then.
    let revision: UInt64
}

/// What a leaf's ratchets are derived through, the first time.
struct SecretTreeBranch: Sendable {
    /// The node that had a secret: the lowest of the leaf and its ancestors. It is consumed.
    let origin: NodeIndex
    /// The siblings of the path from there to the leaf, which get secrets of their own.
    let siblings: [(node: NodeIndex, secret: SharedSecret)]
    /// The leaf's other ratchet.
    let otherRatchet: Ratchet
}
