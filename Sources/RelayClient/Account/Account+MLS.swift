import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import RelayCredentials
import RelayWire
import TLSPresentation

/// An account as MLS needs it.
extension Account {
    /// What this device is in MLS.
    /// - Throws: `RelayClientError` `notConnected` where the relay has not given it a credential yet; `DecodingError`.
    func identity(_ signingKey: SigningKey) throws -> ClientIdentity {
        guard !credential.isEmpty else {
            throw RelayClientError(.notConnected, "this device has no credential of the relay yet")
        }
        return ClientIdentity(credential: try Credential(decoding: credential), signingKey: signingKey)
    }

    /// Verifies credentials as the relay does, and all members of its groups.
    /// - Throws: `CredentialError`; never once `adopt` has taken the relay's word.
    func verifier() throws(CredentialError) -> CredentialVerifier { try verifier(acceptsBasic: rule != .x509) }

    /// Verifies credentials of those whom this device itself adds: where the relay issues certificates, a name alone
    /// proves nothing, even if the relay takes it.
    func strictVerifier() throws(CredentialError) -> CredentialVerifier { try verifier(acceptsBasic: root.isEmpty) }

    private func verifier(acceptsBasic: Bool) throws(CredentialError) -> CredentialVerifier {
        let source = VerifierCache.Source(serverName: serverName, root: root, acceptsBasic: acceptsBasic)
        return try verifiers.verifier(source)
    }

    /// How this device takes part in groups, with the relay's authority as the Authentication Service.
    /// - Parameter time: of the entry that is processed, in seconds since 1970, so that all members judge it alike
    ///   (RFC 9420 section 5.3.2); nil for now.
    /// - Throws: `CredentialError`.
    func groupConfiguration(
        _ configuration: RelayClientConfiguration, at time: UInt64? = nil
    ) throws(CredentialError) -> GroupConfiguration {
        let clock = Self.clock(standingAt: time)
        let service = RelayAuthenticationService(verifier: try verifier(), clock: clock)
        return GroupConfiguration(
            policy: ValidationPolicy(clock: clock, authenticationService: service),
            padding: .toMultiple(of: configuration.paddingByteCount), cipherSuites: [Self.suite],
            maxPastEpochCount: configuration.pastEpochCount)
    }

    private static func clock(standingAt time: UInt64?) -> @Sendable () -> UInt64 {
        guard let time else { return ValidationPolicy.systemClock }
        return { time }
    }
}
