public import MLSCodec
import MLSCrypto
public import MLSPublicGroup
import TLSPresentation

/// The Authentication Service of a relay's groups: credentials that the relay's authority has issued, and where they are
/// accepted basic ones. RFC 9420 section 5.3.1, RFC 9750 section 4.
///
/// All members of a group, and the relay, should have the same root, server name and acceptance, and judge an entry at
/// the same time: the one at which the relay took it. RFC 9750 section 6.5 recommends both.
public struct RelayAuthenticationService: AuthenticationService {
    public var verifier: CredentialVerifier
    /// The time in seconds since 1970, asked for once by each verification; nil where a certificate's dates do not
    /// matter. Whoever catches up with a group gives the time of the entry that it is at: a Commit that was valid when
    /// all others took it is valid (RFC 9420 section 5.3.2).
    public var clock: (@Sendable () -> UInt64)?
    /// Whether the certificates of a tree that is joined must not have expired. A member whose certificate ran out since
    /// it was added is a member, and whoever refuses it cannot join; the group may want to remove it.
    public var checksDatesInTree: Bool
    /// Whether the certificate of that number has been revoked; nil where nobody has a list. Any thread may ask it. It is
    /// asked where dates matter: who has been revoked since is a member until the group removes it.
    public var isRevoked: (@Sendable (_ serial: [UInt8]) -> Bool)?

    public init(
        verifier: CredentialVerifier, clock: (@Sendable () -> UInt64)? = ValidationPolicy.systemClock,
        checksDatesInTree: Bool = false, isRevoked: (@Sendable (_ serial: [UInt8]) -> Bool)? = nil
    ) {
        self.verifier = verifier
        self.clock = clock
        self.checksDatesInTree = checksDatesInTree
        self.isRevoked = isRevoked
    }

    public func isValid(_ credential: Credential, signatureKey: [UInt8], in place: CredentialPlace) -> Bool {
        let isAlreadyMember = place == .tree && !checksDatesInTree
        do {
            let verified = try verifier.verify(
                credential, signatureKey: signatureKey, scheme: nil, at: isAlreadyMember ? nil : clock?())
            guard let isRevoked, let serial = verified.serial, !isAlreadyMember else { return true }
            return !isRevoked(serial)
        } catch {
            return false
        }
    }

    /// Whether both are of the same client of the same user. What the authority has issued gives way to nothing that it
    /// has not: otherwise a name alone would be enough to take a member's place.
    public func isValidSuccessor(_ credential: Credential, of replaced: Credential) -> Bool {
        if replaced.credentialType == .x509, credential.credentialType != .x509 { return false }
        guard let subject = subject(of: credential) else { return false }
        return subject == self.subject(of: replaced)
    }

    /// The user's name; for what names no user of this relay the whole credential.
    public func identity(of credential: Credential) -> [UInt8] {
        subject(of: credential)?.userName ?? credential.encoded
    }

    /// The subject of a certificate, which names one client: a user has no two of the same name in a group. Nil for a
    /// basic credential, which names the user alone: there only equal signature keys are the same client.
    public func clientID(of leafNode: LeafNode) -> [UInt8]? {
        guard leafNode.credential.credentialType == .x509 else { return nil }
        return subject(of: leafNode.credential)?.uri(of: verifier.serverName)
    }

    private func subject(of credential: Credential) -> CredentialSubject? {
        // Whatever is wrong with it, it names nobody.
        try? verifier.claimedSubject(of: credential)
    }
}
