public import MLSCodec

/// Where a credential is seen. RFC 9420 section 5.3.1.
public enum CredentialPlace: Hashable, Sendable {
    /// In a KeyPackage that is not in a group yet: published, or about to be used.
    case keyPackage
    /// In an Add proposal, or in one by which a new member proposes itself.
    case add
    /// In an Update proposal of a member.
    case update
    /// In the path of a member's Commit.
    case path
    /// In the path of an external Commit.
    case externalCommit
    /// Of somebody outside of the group who may propose to it.
    case externalSender
    /// In the ratchet tree of a group that is joined.
    case tree
}

/// Decides whose credential is whose: the Authentication Service of RFC 9420 section 5.3.1 and RFC 9750 section 3.
///
/// All methods may be called by several threads at a time, and have to answer the same question in the same way for as
/// long as a group lives. Everybody in a group should have one that decides alike: a Commit that one member refuses and
/// others take parts them.
public protocol AuthenticationService: Sendable {
    /// Whether the identifiers that `credential` presents belong to the holder of `signatureKey`, and are acceptable
    /// there. Not asked again for a member that keeps both.
    func isValid(_ credential: Credential, signatureKey: [UInt8], in place: CredentialPlace) -> Bool

    /// Whether a member may go from one credential to the other.
    func isValidSuccessor(_ credential: Credential, of replaced: Credential) -> Bool

    /// What `credential` identifies: equal bytes are the same person or thing, as for the members of a branched or
    /// reinitialized group (sections 11.2 and 11.3).
    func identity(of credential: Credential) -> [UInt8]

    /// Which client `leafNode` is of: equal bytes are the same client, which may be in a group only once (section
    /// 12.2). Nil where only equal signature keys say so.
    func clientID(of leafNode: LeafNode) -> [UInt8]?
}

extension AuthenticationService {
    public func isValidSuccessor(_ credential: Credential, of replaced: Credential) -> Bool {
        identity(of: credential) == identity(of: replaced)
    }

    public func clientID(of leafNode: LeafNode) -> [UInt8]? { nil }
}
