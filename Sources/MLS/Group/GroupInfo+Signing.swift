public import MLSCodec
import MLSCrypto
public import MLSPublicGroup
import TLSPresentation

extension PublicGroup {
    /// What somebody has to know to join this group in this epoch. RFC 9420 section 12.4.3.
    /// - Parameters:
    ///   - externalPub: of the epoch, for those who join with external Commits.
    ///   - hasTree: whether the tree is in it.
    func signedGroupInfo(
        extensions: [Extension], externalPub: [UInt8]? = nil, hasTree: Bool, signer: LeafIndex,
        identity: ClientIdentity
    ) throws(GroupError) -> GroupInfo {
        var extensions = extensions
        if let externalPub { extensions.append(Extension(ExternalPub(externalPub: externalPub))) }
        if hasTree { extensions.append(Extension(ratchetTree)) }
        var groupInfo = GroupInfo(
            groupContext: groupContext, extensions: extensions, confirmationTag: confirmationTag, signer: signer)
        let content = GroupInfoTBS(groupInfo).encoded
        groupInfo.signature = try GroupError.crypto { () throws(CryptoError) in
            try identity.signingKey.signWithLabel(GroupInfoTBS.label, content: content.rawSpan)
        }
        return groupInfo
    }
}

extension Group {
    /// A GroupInfo of this epoch, an encoded MLSMessage: for somebody who joins with an external Commit.
    /// - Parameters:
    ///   - hasTree: whether the tree is in it; else the joiner needs `publicGroup.ratchetTree`.
    ///   - isForExternalCommits: whether the key for those is in it.
    public mutating func groupInfo(
        hasTree: Bool = true, isForExternalCommits: Bool = true, extensions: [Extension] = []
    ) throws(GroupError) -> [UInt8] {
        try checkIsActive()
        var externalPub: [UInt8]?
        if isForExternalCommits {
            let key = try GroupError.crypto { () throws(CryptoError) in try secrets.externalKeyPair(crypto: &crypto) }
            externalPub = key.publicKeyBytes
        }
        let groupInfo = try publicGroup.signedGroupInfo(
            extensions: configuration.withGREASE(extensions, crypto), externalPub: externalPub, hasTree: hasTree,
            signer: ownLeaf, identity: identity)
        return MLSMessage.groupInfo(groupInfo).encoded
    }
}
