package import MLSCodec
import TLSPresentation

/// What all messages of an epoch have in common: what they name, and what their signatures cover. RFC 9420 section 6.
package struct FramingContext: Hashable, Sendable {
    package let groupID: [UInt8]
    package let epoch: UInt64
    /// The encoding of the epoch's GroupContext; empty for an external sender, who does not sign it.
    package let groupContext: [UInt8]

    package init(groupID: [UInt8], epoch: UInt64, groupContext: [UInt8]) {
        self.groupID = groupID
        self.epoch = epoch
        self.groupContext = groupContext
    }

    package init(_ context: GroupContext) {
        self.init(groupID: context.groupID, epoch: context.epoch, groupContext: context.encoded)
    }

    /// Throws unless the message names this group and epoch.
    func check(groupID: [UInt8], epoch: UInt64) throws(FramingError) {
        guard groupID == self.groupID else { throw .wrongGroup }
        guard epoch == self.epoch else { throw .wrongEpoch }
    }
}
