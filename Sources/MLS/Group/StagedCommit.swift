import MLSCodec
import MLSCrypto
public import MLSPublicGroup
import TLSPresentation

/// What a Commit makes of a group, all of it checked and none of it in its place yet. RFC 9420 section 14.
///
/// `Group.merge` moves the group on; letting this end forgets the Commit.
public struct StagedCommit: ~Copyable {
    /// What everybody sees of it: who committed, who joined and left, the group of the next epoch.
    public let publicCommit: StagedPublicCommit
    /// Nil where the Commit removes this member, who then learns nothing of the next epoch.
    var member: StagedMember?
    /// Which of the committer's handshake keys the Commit used up; nil where it came as a PublicMessage.
    var usedGeneration: UInt32?

    /// Whether the Commit removes this member.
    public var removesThisMember: Bool { member == nil }

    /// What the members of the next epoch have in common, to compare out of band. RFC 9420 section 8.7. Nil where this
    /// member is not one of them.
    public var epochAuthenticator: [UInt8]? {
        switch member {
        case .some(let member): member.secrets.epochAuthenticator.withBytes { [UInt8]($0) }
        case .none: nil
        }
    }
}

/// A member's own part of the next epoch.
struct StagedMember: ~Copyable {
    let privateKeys: TreeKEMPrivateKeys
    let secrets: EpochSecrets
    let identity: ClientIdentity
}
