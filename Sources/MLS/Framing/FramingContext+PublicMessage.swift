package import MLSCodec
package import MLSCrypto
import TLSPresentation

/// Messages that anybody may read. RFC 9420 section 6.2.
extension FramingContext {
    /// Puts a member's membership tag to a message that was signed as a PublicMessage.
    /// - Throws: `applicationDataInPublic`, `contentNotAllowed`, `tagMissingOrUnexpected`, `wrongGroup`, `wrongEpoch`.
    package func protectPublic(
        _ message: AuthenticatedContent, membershipKey: borrowing SecretBytes, crypto: inout CipherSuiteContext
    ) throws(FramingError) -> PublicMessage {
        guard message.wireFormat == .mlsPublicMessage else { throw .contentNotAllowed }
        try message.content.checkSender(wireFormat: message.wireFormat)
        try check(groupID: message.content.groupID, epoch: message.content.epoch)
        try message.checkConfirmationTag()
        let tag: [UInt8]?
        switch message.content.sender {
        case .member:
            let tbm = tagged(message)
            tag = crypto.mac(key: membershipKey.bytes, data: tbm.rawSpan)
        case .external, .newMemberCommit, .newMemberProposal: tag = nil
        }
        return PublicMessage(content: message.content, auth: message.auth, membershipTag: tag)
    }

    /// The content of a PublicMessage, of which everything was verified that does not need the group's tree.
    /// - Parameter key: the sender's, see `AuthenticatedContent.verify`.
    /// - Throws: as `protectPublic`, and `invalidMembershipTag`, `invalidSignature`.
    package func openPublic(
        _ message: PublicMessage, membershipKey: borrowing SecretBytes, key: SignaturePublicKey,
        crypto: inout CipherSuiteContext
    ) throws(FramingError) -> AuthenticatedContent {
        let authenticated = message.authenticatedContent
        try message.content.checkSender(wireFormat: .mlsPublicMessage)
        try check(groupID: message.content.groupID, epoch: message.content.epoch)
        try authenticated.checkConfirmationTag()
        try verifyMembershipTag(of: message, membershipKey: membershipKey, crypto: &crypto)
        try authenticated.verify(context: self, key: key)
        return authenticated
    }

    /// Checks that a member's message has the membership tag that only members can make, and no one else's has one. RFC
    /// 9420 section 6.2.
    /// - Throws: `tagMissingOrUnexpected`, `invalidMembershipTag`.
    package func verifyMembershipTag(
        of message: PublicMessage, membershipKey: borrowing SecretBytes, crypto: inout CipherSuiteContext
    ) throws(FramingError) {
        switch (message.content.sender, message.membershipTag) {
        case (.member, .some(let tag)):
            let tbm = tagged(message.authenticatedContent)
            guard crypto.verifyMAC(tag.rawSpan, key: membershipKey.bytes, data: tbm.rawSpan) else {
                throw .invalidMembershipTag
            }
        case (.external, nil), (.newMemberCommit, nil), (.newMemberProposal, nil): break
        case (.member, nil), (.external, _), (.newMemberCommit, _), (.newMemberProposal, _):
            throw .tagMissingOrUnexpected
        }
    }

    /// The AuthenticatedContentTBM: what `membership_tag = MAC(membership_key, AuthenticatedContentTBM)` covers.
    private func tagged(_ message: AuthenticatedContent) -> [UInt8] {
        let tbs = FramedContentTBS(wireFormat: message.wireFormat, content: message.content, context: groupContext)
        return AuthenticatedContentTBM(contentTBS: tbs, auth: message.auth).encoded
    }
}
