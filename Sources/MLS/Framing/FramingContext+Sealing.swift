package import MLSCodec
package import MLSCrypto
import TLSPresentation

/// Encrypting messages. RFC 9420 section 6.3.
///
/// The message is written once, plaintext and all, and encrypted where it stands.
extension FramingContext {
    /// Signs and encrypts application data; `protectPrivate` in one go.
    /// - Parameters:
    ///   - sender: one's own leaf, whose next generation is consumed, also where this throws `signing`.
    ///   - authenticatedData: what everybody may read and nobody change.
    /// - Returns: an encoded MLSMessage. The tree is to be saved before it leaves: section 6.3.1.
    /// - Throws: `tooLong`, `noKey`, `signing`.
    package func protectApplication(
        _ data: [UInt8], authenticatedData: [UInt8] = [], from sender: LeafIndex, padding: Padding = .none,
        signingKey: SigningKey, senderDataSecret: borrowing SecretBytes, tree: inout SecretTree,
        crypto: inout CipherSuiteContext
    ) throws(FramingError) -> [UInt8] {
        guard data.count < Self.maxPartByteCount, authenticatedData.count < Self.maxPartByteCount else {
            throw .tooLong
        }
        let content = FramedContent(
            groupID: groupID, epoch: epoch, sender: .member(sender), authenticatedData: authenticatedData,
            content: .application(data))
        let signature = try content.sign(wireFormat: .mlsPrivateMessage, context: self, key: signingKey)
        return try seal(
            content, FramedContentAuthData(signature: signature), from: sender, padding: padding,
            senderDataSecret: senderDataSecret, tree: &tree, crypto: &crypto)
    }

    /// Encrypts a message of one's own that was signed as a PrivateMessage.
    /// - Returns: an encoded MLSMessage. The tree is to be saved before it leaves: section 6.3.1.
    /// - Throws: `contentNotAllowed`, `tagMissingOrUnexpected`, `wrongGroup`, `wrongEpoch`, `tooLong`, `noKey`.
    package func protectPrivate(
        _ message: AuthenticatedContent, padding: Padding = .none, senderDataSecret: borrowing SecretBytes,
        tree: inout SecretTree, crypto: inout CipherSuiteContext
    ) throws(FramingError) -> [UInt8] {
        // "the sender MUST verify Sender.sender_type is member and use Sender.leaf_index for SenderData.leaf_index."
        guard message.wireFormat == .mlsPrivateMessage, case .member(let sender) = message.content.sender else {
            throw .contentNotAllowed
        }
        try check(groupID: message.content.groupID, epoch: message.content.epoch)
        try message.checkConfirmationTag()
        guard message.content.estimatedByteCount < Self.maxPartByteCount else { throw .tooLong }
        return try seal(
            message.content, message.auth, from: sender, padding: padding, senderDataSecret: senderDataSecret,
            tree: &tree, crypto: &crypto)
    }

    /// A quarter of what a vector can hold, so that all parts together are one.
    private static let maxPartByteCount = Writer.maxVectorByteCount / 4

    private func seal(
        _ content: FramedContent, _ auth: FramedContentAuthData, from sender: LeafIndex, padding: Padding,
        senderDataSecret: borrowing SecretBytes, tree: inout SecretTree, crypto: inout CipherSuiteContext
    ) throws(FramingError) -> [UInt8] {
        guard padding.maxByteCount < Self.maxPartByteCount else { throw .tooLong }
        let key: MessageKey
        do throws(SecretTreeError) {
            key = try tree.next(sender, content.contentType, crypto: &crypto)
        } catch { throw .noKey(error) }
        var draft = PrivateMessageDraft(
            content, auth, padding: padding, tagByteCount: crypto.aeadAlgorithm.tagByteCount)
        draft.seal(key, from: sender, senderDataSecret: senderDataSecret, crypto: &crypto)
        return draft.bytes
    }
}
