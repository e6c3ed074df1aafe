public import MLSCodec
import MLSCrypto
import TLSPresentation

extension AuthenticatedContent {
    /// "Recipients of an MLSMessage MUST verify the signature with the key depending on the sender_type of the sender".
    /// RFC 9420 section 6.1.
    /// - Parameters:
    ///   - signatureKey: of the sender.
    ///   - context: the encoded GroupContext of the message's epoch.
    public func verifySignature(
        by signatureKey: [UInt8], suite: CipherSuite, context: [UInt8]
    ) throws(GroupError) {
        let key = try signaturePublicKey(signatureKey, suite: suite, or: .contentSignature)
        let signed = FramedContentTBS(wireFormat: wireFormat, content: content, context: context).encoded
        let signature = auth.signature
        guard key.verifyWithLabel(FramedContentTBS.label, content: signed.rawSpan, signature: signature.rawSpan) else {
            throw .refused(.contentSignature)
        }
    }

    /// Checks that the content may be sent as it is: RFC 9420 section 6.
    func checkFraming() throws(GroupError) {
        switch wireFormat {
        case .mlsPublicMessage:
            // "Applications MUST use PrivateMessage to encrypt application messages."
            if content.contentType == .application { throw .refused(.applicationInPublic) }
        case .mlsPrivateMessage:
            // "Messages from senders that aren't in the group are sent as PublicMessage."
            guard case .member = content.sender else { throw .refused(.nonMemberInPrivate) }
        default: throw .refused(.wireFormat)
        }

        // The structure of FramedContentAuthData: a confirmation_tag for a Commit, and only for one.
        guard (content.contentType == .commit) == (auth.confirmationTag != nil) else {
            throw .refused(.confirmationTagPresence)
        }

        // draft-ietf-mls-extensions: "these proposals MUST be sent in an MLS PublicMessage."
        if case .proposal(.selfRemove) = content.content, wireFormat != .mlsPublicMessage {
            throw .refused(.selfRemovePublic)
        }
    }
}

extension ProposalType {
    /// Whether an `external` sender may send a proposal of this type. RFC 9420 sections 12.1.8 and 17.4.
    package var isAllowedForExternalSenders: Bool {
        switch self {
        case .add, .remove, .psk, .reInit, .groupContextExtensions: true
        default: false
        }
    }

    /// Whether a Commit that covers a proposal of this type has to have a path. RFC 9420 sections 12.4 and 17.4.
    var requiresPath: Bool {
        switch self {
        case .add, .psk, .reInit: false
        default: true
        }
    }
}
