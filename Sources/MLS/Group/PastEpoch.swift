import MLSCodec
import MLSCrypto
import MLSPublicGroup

/// What is kept of an epoch that is over, so that its last messages can still be read. RFC 9420 section 15.3.
///
/// A class because a collection cannot hold what is not copyable.
final class PastEpoch {
    let framing: FramingContext
    let senderDataSecret: SecretBytes
    var secretTree: SecretTree
    /// The signature keys of the leaves that the Commit which ended the epoch changed, as they were in it; nil for those
    /// that were blank. All other leaves are as they were in the epoch after.
    let changedLeaves: [LeafIndex: [UInt8]?]

    init(
        framing: FramingContext, senderDataSecret: consuming SecretBytes, secretTree: consuming SecretTree,
        changedLeaves: [LeafIndex: [UInt8]?]
    ) {
        self.framing = framing
        self.senderDataSecret = senderDataSecret
        self.secretTree = secretTree
        self.changedLeaves = changedLeaves
    }
}
