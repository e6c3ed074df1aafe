import ClientStore
import MLSPublicGroup
import RelayConnection
import RelayWire

/// What happens after each connection.
extension RelayClient {
    /// Learns who this device is to the relay and whom the relay's authority is, compares that with what is known, and
    /// sees to it that others can add this device: credential and KeyPackages.
    ///
    /// Each step is durable; one that fails is made again the next time.
    /// - Throws: `relayNotTrusted` and `storeMismatch`, after which the connection must not be used; others mean that the
    ///   rest is to be tried again.
    func didConnect() async throws {
        let connection = try usableConnection()
        try await learnNumber(connection)
        let authority = try await connection.ask(FetchAuthority(), for: Authority.self, isRepeatable: true)
        try updateAccount { try $0.adopt(authority) }
        try await keepUp()
        try await learnOwnDevices()
    }

    private func learnNumber(_ connection: RelayConnection) async throws {
        guard let number = await connection.clientNumber, let name = await connection.serverName else {
            throw RelayClientError(.notConnected, "the client is not connected")
        }
        guard !account.isRegistered || account.clientNumber == number else {
            // The number is forever: this is not the relay that this device has registered with.
            throw RelayClientError(.storeMismatch, "the relay knows this device under another number than before")
        }
        guard account.serverName.isEmpty || account.serverName == name else {
            throw RelayClientError(.storeMismatch, "the relay has another name than the one that this device knows")
        }
        try updateAccount {
            $0.clientNumber = number
            $0.serverName = name
        }
    }

    /// Looks the user's own devices up, and tells of those that this one did not know.
    func learnOwnDevices() async throws {
        guard let found = try await lookUp([identity.user]).first, let clients = found else {
            // A user that may not be found finds itself neither; its devices are then not watched here.
            return
        }
        let known = Set(account.devices.map(\.client))
        let devices = clients.map { client in
            OwnDevice(
                client: client.number, name: Array(client.device.utf8), signatureKey: client.signatureKey,
                registered: Timestamp(rawValue: client.registered.milliseconds))
        }
        try updateAccount { $0.devices = devices }
        // The first time, all of them are as old as this device.
        guard !known.isEmpty else { return }
        for device in devices where !known.contains(device.client) { tell(.deviceAdded(try describe(device))) }
    }

    /// Takes an entry of the inbox that is about this device or its user's others.
    /// - Parameters:
    ///   - account: a copy of this client's. The caller writes it in the same transaction, and it becomes this client's
    ///     when that is durable; `maintain` is then due where it `needsUpkeep`.
    ///   - transaction: the one that processes the entry.
    /// - Returns: what to tell then.
    /// - Throws: `DecodingError` where the relay sent what is no notice; `ClientStoreError`.
    func receive(
        _ entry: Entry, _ account: inout Account, in transaction: StoreTransaction
    ) throws -> ClientEvent? {
        guard let device = try account.receive(entry) else { return nil }
        return .deviceRevoked(try describe(device, in: transaction))
    }

    func describe(_ device: OwnDevice) throws -> Device { try store.read { try describe(device, in: $0) } }

    private func describe(_ device: OwnDevice, in transaction: StoreTransaction) throws -> Device {
        let contact = try transaction.contact(user: identity.user, signatureKey: device.signatureKey)
        return Device(
            user: identity.user, name: String(decoding: device.name, as: UTF8.self),
            fingerprint: Fingerprint(ofPublicKey: device.signatureKey), trust: contact?.trust ?? .unverified,
            registered: RelayTime(milliseconds: device.registered.rawValue),
            isThisDevice: device.client == account.clientNumber)
    }
}
