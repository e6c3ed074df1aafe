public import MLSCodec
public import MLSCrypto

/// Why a credential is not taken for what it says.
public enum CredentialError: Error, Hashable, Sendable {
    /// A relay's name is not UTF-8 of 1 to 255 bytes without control characters.
    case serverNameInvalid
    /// A user's name is not UTF-8 of 1 to 255 bytes without control characters.
    case userNameInvalid
    /// A client's name is not UTF-8 of at most 64 bytes without control characters.
    case clientNameInvalid
    /// A root is not exactly one certificate in DER.
    case rootMalformed
    /// Credentials of this type prove nothing here.
    case typeNotAccepted(CredentialType)
    /// There are no certificates, or more than any authority here issues.
    case certificateCount(Int)
    /// The chain is not one that leads to the root, as RFC 5280 asks.
    case chainRefused(CryptoError)
    /// A certificate of the chain is not valid any more.
    case expired
    /// No certificate of the chain has expired, but one is not valid yet.
    case notYetValid
    /// The certificate is about another key than the leaf's.
    case keyDiffers
    /// The certificate has no URI that says whose it is, or several.
    case subjectCount(Int)
    /// The certificate's URI does not name a client in the one way there is.
    case subjectMalformed
    /// The certificate's URI names a client of another relay.
    case otherServer
}
