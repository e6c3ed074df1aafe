package import MLSCrypto
package import TLSPresentation

/// Why a message was not protected, or what came is not a message of the epoch. Nothing has changed then.
package enum FramingError: Error, Hashable, Sendable {
    /// Application data in a PublicMessage. RFC 9420 section 6.
    case applicationDataInPublic
    /// The sender may not send this content, or not in this form. RFC 9420 sections 6 and 6.1.
    case contentNotAllowed
    /// A Commit without a confirmation tag, or something else with one; a member without a membership tag, or somebody
    /// else with one. RFC 9420 sections 6.1 and 6.2.
    case tagMissingOrUnexpected
    /// What is to be protected does not fit into a vector of MLS.
    case tooLong
    /// The message is of another group.
    case wrongGroup
    /// The message is of another epoch.
    case wrongEpoch
    /// The message is one that this member has sent, with this generation: its key is gone.
    case ownMessage(generation: UInt32)
    /// The leaf that the sender claims is blank, or outside of the tree. RFC 9420 section 6.3.2.
    case unknownSender
    /// The sender data were changed, or not encrypted with the epoch's key and this ciphertext. RFC 9420 section 6.3.2.
    case senderDataDecryptionFailed
    /// The content was changed, or not encrypted with the sender's key of that generation. RFC 9420 section 6.3.1.
    case decryptionFailed
    case invalidMembershipTag
    case invalidSignature
    /// What was decrypted is no PrivateMessageContent; also where the padding is not zero. RFC 9420 section 6.3.1.
    case malformed(DecodingError)
    /// There is no key for the message.
    case noKey(SecretTreeError)
    /// One's own signature failed.
    case signing(CryptoError)
}
