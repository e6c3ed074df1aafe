package import MLSCrypto

/// What lets somebody join an epoch: with the pre-shared keys and the GroupContext all else of it follows from this.
/// RFC 9420 section 8.
///
/// It is consumed together with the epoch's other intermediate secrets: whoever has the `EpochSecrets`, and has sealed
/// the Welcomes, lets it end. Section 9.2.
package struct JoinerSecret: ~Copyable, Sendable {
    private let secret: SecretBytes

    /// A joiner secret that a Welcome brought.
    package init(_ secret: consuming SecretBytes) { self.secret = secret }

    /// `ExpandWithLabel(KDF.Extract(init_secret_[n-1], commit_secret), "joiner", GroupContext_[n], KDF.Nh)`
    /// - Parameters:
    ///   - initSecret: of the epoch before, or the one of an ExternalInit.
    ///   - commitSecret: zero, `hashByteCount` of them, where the Commit has no path.
    ///   - groupContext: the encoding of the new epoch's.
    package init(
        initSecret: RawSpan, commitSecret: RawSpan, groupContext: RawSpan, crypto: inout CipherSuiteContext
    ) {
        let extracted = crypto.extract(salt: initSecret, inputKeyMaterial: commitSecret)
        secret = crypto.expandWithLabel(
            extracted.bytes, label: "joiner", context: groupContext, byteCount: crypto.hashByteCount)
    }

    /// The bytes, for a GroupSecrets.
    package var bytes: RawSpan {
        @_lifetime(borrow self)
        get { secret.bytes }
    }

    /// `welcome_secret = DeriveSecret(KDF.Extract(joiner_secret, psk_secret), "welcome")`
    /// - Parameter psk: the psk_secret, see `PSKSecret`.
    package func welcomeSecret(psk: RawSpan, crypto: inout CipherSuiteContext) -> WelcomeSecret {
        let member = crypto.extract(salt: secret.bytes, inputKeyMaterial: psk)
        let welcome = crypto.deriveSecret(member.bytes, label: "welcome")
        return WelcomeSecret(welcome)
    }

    /// The secrets of the epoch. The secrets that lead to them are erased, in `crypto` too.
    /// - Parameters:
    ///   - psk: the psk_secret, see `PSKSecret`.
    ///   - groupContext: the encoding of the new epoch's.
    package func epochSecrets(
        psk: RawSpan, groupContext: RawSpan, crypto: inout CipherSuiteContext
    ) -> EpochSecrets {
        let member = crypto.extract(salt: secret.bytes, inputKeyMaterial: psk)
        let epochSecret = crypto.expandWithLabel(
            member.bytes, label: "epoch", context: groupContext, byteCount: crypto.hashByteCount)
        let secrets = EpochSecrets(epochSecret: epochSecret.bytes, crypto: &crypto)
        crypto.forget()
        return secrets
    }
}
