import MLSCodec
import MLSCrypto
public import MLSPublicGroup
import TLSPresentation

/// What a Commit makes of a group, all of it checked and none of it in its place yet. RFC 9420 section 14.
///
/// `Group.merge` moves the group on; letting this end forgets the Commit.
public struct StagedCommit: ~Copyable {
    private let publicPart: StagedPublicCommit
    /// Nil where the Commit removes this member, who then learns nothing of the next epoch.
    var member: StagedMember?
    /// Which of the committer's handshake keys the Commit used up; nil where it came as a PublicMessage.
    var usedGeneration: UInt32?

    init(publicCommit: StagedPublicCommit, member: consuming StagedMember?, usedGeneration: UInt32?) {
        publicPart = publicCommit
        self.member = member
        self.usedGeneration = usedGeneration
    }

    /// What everybody sees of it: who committed, who joined and left, the group of the next epoch.
    public var publicCommit: StagedPublicCommit {
        // Never inlined: where a caller keeps this and then merges, the optimizer of Swift 6.3 puts the copy of a stored
        // property behind the merge, which ends what it would copy.
        @inline(never) get { publicPart }
    }

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
