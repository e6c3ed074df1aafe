import MLSCodec
import RelayCredentials
import RelayWire
import TLSPresentation

/// What the relay says of its authority, and of this device.
extension Account {
    /// Takes what the relay says of its authority, where it does not contradict what it, or somebody else, said before.
    /// - Throws: `relayNotTrusted` for another root, for less than what was asked of credentials before, or for what
    ///   makes no sense; `storeMismatch` for another name. The account is then as it was.
    mutating func adopt(_ authority: Authority) throws(RelayClientError) {
        guard serverName.isEmpty || serverName == authority.serverName else {
            throw RelayClientError(.storeMismatch, "the relay has another name than the one that this device knows")
        }
        // A root that was given beforehand counts even where the relay says that it has none.
        guard root == authority.rootCertificate || (rule == nil && root.isEmpty) else {
            throw RelayClientError(
                .relayNotTrusted, "the relay's authority has another root than the one that is known")
        }
        guard rule != .x509 || authority.credentials == .x509 else {
            throw RelayClientError(.relayNotTrusted, "the relay takes credentials now that prove nothing")
        }
        guard authority.credentials == .basic || !authority.rootCertificate.isEmpty else {
            throw RelayClientError(.relayNotTrusted, "the relay issues certificates without a root")
        }
        var adopted = self
        adopted.serverName = authority.serverName
        adopted.root = authority.rootCertificate
        adopted.rule = authority.credentials
        do throws(CredentialError) {
            _ = try adopted.verifier()
        } catch {
            throw RelayClientError(.relayNotTrusted, "the relay's name or its root cannot be used: \(error)")
        }
        self = adopted
    }

    /// Takes a credential that the relay has issued to this device.
    /// - Parameter now: in seconds since 1970.
    /// - Throws: `relayNotTrusted` where it is not this device's, or does not lead to the root. The account is then as it
    ///   was.
    mutating func adopt(_ answer: CredentialAnswer, at now: UInt64) throws(RelayClientError) {
        do {
            let verified = try strictVerifier().verify(
                Credential(decoding: answer.credential), signatureKey: signatureKey, scheme: nil, at: now)
            // A basic credential names the user alone.
            let isThisDevice = verified.dates == nil || verified.subject.clientName == device
            guard verified.subject.userName == user, isThisDevice else {
                throw RelayClientError(.relayNotTrusted, "the relay's credential is another's")
            }
        } catch let error as RelayClientError {
            throw error
        } catch {
            throw RelayClientError(.relayNotTrusted, "the relay's credential is not valid: \(error)")
        }
        credential = answer.credential
        credentialNotBefore = answer.notBefore
        credentialNotAfter = answer.notAfter
        needsCredential = false
    }

    /// Whether it is time for another credential: there is none, or less than a third of its time is left.
    /// - Parameter now: in seconds since 1970.
    func shouldRenewCredential(at now: UInt64) -> Bool {
        guard !credential.isEmpty, !needsCredential else { return true }
        // A basic credential does not end.
        guard credentialNotAfter.rawValue > 0 else { return false }
        let (start, end) = (credentialNotBefore.rawValue / 1000, credentialNotAfter.rawValue / 1000)
        guard start < end else { return true }
        return now >= end || end - now < (end - start) / 3
    }
}
