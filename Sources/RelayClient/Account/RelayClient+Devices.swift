import ClientStore
import MLSCrypto
import MLSPublicGroup
import RelayConnection
import RelayWire
import TLSPresentation

/// Which devices a user has: one lets the next one in, and any can put another one out.
extension RelayClient {
    /// How long an admission holds, in seconds.
    private static let admissionTime: UInt64 = 86_400

    /// Signs for another device of this user. PROTOCOL.md section 4.3.
    /// - Returns: the line for `Admission.device`.
    /// - Throws: `admissionInvalid` for what is no request, or one of another user's; `notConnected` where this device was
    ///   never connected itself.
    func sign(admissionOf text: String, at now: UInt64 = ValidationPolicy.systemClock()) throws -> String {
        let request = try AdmissionRequest(text)
        guard request.user == identity.user else {
            throw RelayClientError(.admissionInvalid, "the request is of \(request.user), not of \(identity.user)")
        }
        guard account.isRegistered else {
            throw RelayClientError(.notConnected, "this device is not registered yet itself")
        }
        let notAfter = Timestamp(rawValue: (now + Self.admissionTime) * 1000)
        let signed = AdmissionTBS(
            serverName: account.serverName,
            identity: RelayWire.Identity(
                name: account.user, scheme: request.scheme, signatureKey: request.publicKey),
            clientName: Array(request.device.utf8), client: account.clientNumber, notAfter: notAfter
        ).encoded
        let signature = try identity.signingKey.signWithLabel(
            AdmissionTBS.label, content: signed.rawSpan, prefix: SignatureLabel.prefix)
        // Groups in which it turns up have nothing to warn of.
        _ = try store.write {
            try $0.observe(user: request.user, device: request.device, signatureKey: request.publicKey)
        }
        return AdmissionGrant(client: account.clientNumber, notAfter: notAfter, signature: signature).text
    }

    /// Revokes the device of this user with that fingerprint.
    /// - Throws: `userUnknown` where there is none, `lastDevice`.
    func revokeDevice(_ fingerprint: Fingerprint) async throws {
        let clients = try await lookUp([identity.user]).first ?? nil
        guard let client = clients?.first(where: { $0.fingerprint == fingerprint }) else {
            throw RelayClientError(.userUnknown, "\(identity.user) has no device with this fingerprint")
        }
        _ = try await usableConnection().ask(
            RevokeClient(client: client.number, reason: .unspecified), for: Done.self, isRepeatable: true)
        // The notice goes to the others.
        guard let known = account.devices.first(where: { $0.client == client.number }) else { return }
        try updateAccount { $0.devices.removeAll { $0.client == client.number } }
        tell(.deviceRevoked(try describe(known)))
    }
}
