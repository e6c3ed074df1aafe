public import MLSCodec
public import MLSCrypto

/// Who a member is to the others: its credential, and the key that its messages are signed with. RFC 9420 section 5.3.
public struct ClientIdentity: Sendable {
    public var credential: Credential
    public var signingKey: SigningKey

    /// - Parameter signingKey: of the signature scheme of every suite that this is used with.
    public init(credential: Credential, signingKey: SigningKey) {
        self.credential = credential
        self.signingKey = signingKey
    }
}
