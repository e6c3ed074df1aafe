package import MLSCodec
package import MLSCrypto
import TLSPresentation

/// Content authentication. RFC 9420 section 6.1.
extension AuthenticatedContent {
    /// Signs `content`. A Commit's confirmation tag is still to be put into `auth`: it depends on the signature.
    /// - Throws: where the sender may not send this like that, and `signing`.
    package init(
        signing content: FramedContent, wireFormat: WireFormat, context: FramingContext, key: SigningKey
    ) throws(FramingError) {
        try content.checkSender(wireFormat: wireFormat)
        try context.check(groupID: content.groupID, epoch: content.epoch)
        let signature = try content.sign(wireFormat: wireFormat, context: context, key: key)
        self.init(wireFormat: wireFormat, content: content, auth: FramedContentAuthData(signature: signature))
    }

    /// Throws unless the sender may send this like that, in this group and epoch, and has signed it.
    /// - Parameter key: of the sender: the leaf's, the external sender's, the KeyPackage's or the path's. Section 6.1.
    package func verify(context: FramingContext, key: SignaturePublicKey) throws(FramingError) {
        try content.checkSender(wireFormat: wireFormat)
        try context.check(groupID: content.groupID, epoch: content.epoch)
        try checkConfirmationTag()
        let message = content.signContent(wireFormat: wireFormat, context: context)
        let signature = auth.signature
        guard key.verify(signature: signature.rawSpan, message: message.rawSpan) else { throw .invalidSignature }
    }

    /// "confirmation_tag": there for a Commit, and only for one.
    func checkConfirmationTag() throws(FramingError) {
        guard (auth.confirmationTag != nil) == (content.contentType == .commit) else { throw .tagMissingOrUnexpected }
    }
}

extension FramedContent {
    /// Throws where the sender may not send this content, or not with `wireFormat`.
    func checkSender(wireFormat: WireFormat) throws(FramingError) {
        // Section 6: "Applications MUST use PrivateMessage to encrypt application messages"; who is no member has no keys
        // for one.
        switch wireFormat {
        case .mlsPublicMessage: if contentType == .application { throw .applicationDataInPublic }
        case .mlsPrivateMessage: guard case .member = sender else { throw .contentNotAllowed }
        default: throw .contentNotAllowed
        }
        switch (sender, content) {
        case (.member, _): break
        // "The content_type of the message MUST be proposal"; which ones is for who knows the group.
        case (.external, .proposal): break
        // "The content_type of the message MUST be commit."
        case (.newMemberCommit, .commit): break
        // "The content_type of the message MUST be proposal and the proposal_type of the Proposal MUST be add."
        case (.newMemberProposal, .proposal(.add)): break
        case (.external, _), (.newMemberCommit, _), (.newMemberProposal, _): throw .contentNotAllowed
        }
    }

    /// `SignWithLabel(., "FramedContentTBS", FramedContentTBS)`
    func sign(
        wireFormat: WireFormat, context: FramingContext, key: SigningKey
    ) throws(FramingError) -> [UInt8] {
        let message = signContent(wireFormat: wireFormat, context: context)
        do throws(CryptoError) { return try key.sign(message.rawSpan) } catch { throw .signing(error) }
    }

    /// The SignContent of the FramedContentTBS, in one piece of memory. RFC 9420 section 5.1.2.
    func signContent(wireFormat: WireFormat, context: FramingContext) -> [UInt8] {
        var writer = Writer()
        writer.reserve(
            estimatedByteCount + context.groupContext.count + FramedContentTBS.label.utf8.count + Self.slack)
        writer.opaque(Self.signatureLabel)
        writer.vector { writer in
            FramedContentTBS(wireFormat: wireFormat, content: self, context: context.groupContext)
                .encode(into: &writer)
        }
        return writer.take()
    }

    /// How many bytes the parts have that may be long, where that is known before they are written.
    var estimatedByteCount: Int {
        let fixed = groupID.count + authenticatedData.count
        return if case .application(let data) = content { fixed + data.count } else { fixed }
    }

    /// More than all short fields of a message and their lengths take up.
    static let slack = 128

    private static let signatureLabel = Array((SignContent.mlsLabelPrefix + FramedContentTBS.label).utf8)
}
