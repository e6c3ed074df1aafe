package import MLSCodec
package import MLSCrypto
import TLSPresentation

/// Decrypting messages. RFC 9420 section 6.3.
extension FramingContext {
    /// Decrypts a message and verifies its signature. The tree does not change: `OpenedPrivateMessage.accept` does that,
    /// so that a forged message burns no key.
    /// - Parameters:
    ///   - ownLeaf: whose messages are not for opening.
    ///   - signatureKey: gives the signature key of a leaf, nil for a blank one or one outside of the tree.
    /// - Throws: `wrongGroup`, `wrongEpoch`, `senderDataDecryptionFailed`, `malformed`, `ownMessage`, `unknownSender`,
    ///   `noKey`, `decryptionFailed`, `malformed`, `invalidSignature`, in this order.
    package func openPrivate(
        _ message: PrivateMessage, ownLeaf: LeafIndex, senderDataSecret: borrowing SecretBytes,
        tree: borrowing SecretTree, crypto: inout CipherSuiteContext,
        signatureKey: (LeafIndex) -> SignaturePublicKey?
    ) throws(FramingError) -> OpenedPrivateMessage {
        try check(groupID: message.groupID, epoch: message.epoch)
        let aad = AuthenticatedFields(message)
        let senderData = try openSenderData(
            of: message, aad: aad, senderDataSecret: senderDataSecret, crypto: &crypto)
        let sender = senderData.leafIndex
        guard sender != ownLeaf else { throw .ownMessage(generation: senderData.generation) }
        // "the recipient MUST verify that the leaf index indicated in the leaf_index field identifies a non-blank node."
        guard let key = signatureKey(sender) else { throw .unknownSender }
        let step: SecretTreeStep
        do throws(SecretTreeError) {
            step = try tree.step(sender, message.contentType, generation: senderData.generation, crypto: &crypto)
        } catch { throw .noKey(error) }
        let opened = try openContent(
            of: message, aad: aad, key: step.messageKey, reuseGuard: senderData.reuseGuard, crypto: &crypto)
        let content = AuthenticatedContent(
            wireFormat: .mlsPrivateMessage,
            content: FramedContent(
                groupID: groupID, epoch: epoch, sender: .member(sender),
                authenticatedData: message.authenticatedData, content: opened.content),
            auth: opened.auth)
        try content.verify(context: self, key: key)
        return OpenedPrivateMessage(
            content: content, sender: sender, generation: senderData.generation,
            paddingByteCount: opened.paddingByteCount, step: step)
    }

    /// What the two encryptions of a message authenticate: one is the beginning of the other.
    private struct AuthenticatedFields {
        /// A PrivateContentAAD.
        let bytes: [UInt8]
        /// How many bytes of it are the SenderDataAAD.
        let senderDataByteCount: Int

        init(_ message: PrivateMessage) {
            var writer = Writer()
            writer.reserve(message.groupID.count + message.authenticatedData.count + 24)
            writer.opaque(message.groupID)
            writer.integer(message.epoch)
            message.contentType.encode(into: &writer)
            senderDataByteCount = writer.byteCount
            writer.opaque(message.authenticatedData)
            bytes = writer.take()
        }
    }

    private func openSenderData(
        of message: PrivateMessage, aad: AuthenticatedFields, senderDataSecret: borrowing SecretBytes,
        crypto: inout CipherSuiteContext
    ) throws(FramingError) -> SenderData {
        let (ciphertext, encrypted) = (message.ciphertext, message.encryptedSenderData)
        let key = crypto.senderDataKey(senderDataSecret.bytes, ciphertext: ciphertext.rawSpan)
        let opened: SecretBytes
        do throws(CryptoError) {
            opened = try crypto.openSecret(
                encrypted.rawSpan, key: key.key, nonce: key.nonce,
                authenticating: aad.bytes.rawSpan.extracting(first: aad.senderDataByteCount))
        } catch { throw .senderDataDecryptionFailed }
        do throws(DecodingError) { return try SenderData(decoding: opened.bytes) } catch { throw .malformed(error) }
    }

    private func openContent(
        of message: PrivateMessage, aad: AuthenticatedFields, key: borrowing MessageKey, reuseGuard: UInt32,
        crypto: inout CipherSuiteContext
    ) throws(FramingError) -> PrivateMessageContent {
        let ciphertext = message.ciphertext
        let nonce = key.nonce(guardedBy: reuseGuard)
        let opened: SecretBytes
        do throws(CryptoError) {
            opened = try crypto.openSecret(
                ciphertext.rawSpan, key: key.key, nonce: nonce.bytes, authenticating: aad.bytes.rawSpan)
        } catch { throw .decryptionFailed }
        // The contexts keep their last keys, and this one is to be deleted once the message is accepted. Section 9.2.
        crypto.forget()
        do throws(DecodingError) {
            return try PrivateMessageContent(decoding: opened.bytes, contentType: message.contentType)
        } catch { throw .malformed(error) }
    }
}
