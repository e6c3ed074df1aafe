package import MLSCodec

/// A PrivateMessage that was decrypted and whose signature holds. Its key is still in the secret tree: `accept` takes
/// it out.
package struct OpenedPrivateMessage: ~Copyable {
    package let content: AuthenticatedContent
    /// The sender's leaf, which the signature was verified for.
    package let sender: LeafIndex
    /// Which of the sender's messages of this kind it is.
    package let generation: UInt32
    /// How many bytes of zero were behind the content.
    package let paddingByteCount: Int
    /// What is to be consumed in the tree.
    package let step: SecretTreeStep

    /// Consumes the key: the message cannot be opened again.
    /// - Precondition: nothing was consumed in the tree since the message was opened.
    package consuming func accept(in tree: inout SecretTree) -> AuthenticatedContent {
        let content = content
        tree.consume(step)
        return content
    }
}
