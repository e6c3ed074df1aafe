import ClientStore
import MLSCrypto
import RelayConnection
import RelayWire

extension StoreTransaction {
    func put(_ account: Account) throws { try encode(account, Tables.account, Account.key) }
}

/// A device's own record.
extension RelayClient {
    /// The account in a store, or a new one; nothing is written.
    /// - Throws: `storeMismatch` where the store is another identity's, or another root was given before;
    ///   `ClientStoreError`.
    static func loadAccount(
        of identity: Identity, in store: ClientStore, _ configuration: RelayClientConfiguration
    ) throws -> Account {
        let fresh = Account(
            user: Array(identity.user.utf8), device: Array(identity.device.utf8),
            signatureKey: identity.signingKey.publicKey.bytes, root: configuration.authorityRoot ?? [])
        guard let stored = try store.read({ try $0.decode(Account.self, Tables.account, Account.key) }) else {
            return fresh
        }
        guard stored.user == fresh.user, stored.device == fresh.device, stored.signatureKey == fresh.signatureKey else {
            throw RelayClientError(.storeMismatch, "the store belongs to another identity")
        }
        guard fresh.root.isEmpty || stored.root == fresh.root else {
            throw RelayClientError(.relayNotTrusted, "the store has another root of the relay's authority")
        }
        return stored
    }

    /// Changes the account, durably; where that fails it is as it was.
    func updateAccount(_ change: (inout Account) throws -> Void) throws {
        var changed = account
        try change(&changed)
        guard changed != account else { return }
        try store.write { try $0.put(changed) }
        account = changed
    }

    /// How to connect: what this device registers with, where it has to, and which relay it has to be.
    /// - Parameter base: how to wait and buffer.
    /// - Throws: `admissionInvalid`.
    func connectionConfiguration(
        _ base: RelayConnectionConfiguration, admission: Admission
    ) throws(RelayClientError) -> RelayConnectionConfiguration {
        var changed = base
        // A device that is registered and that the relay does not know any more does not become a new one unasked.
        if !account.isRegistered {
            changed.registration = Registration(clientName: account.device, admission: try admission.wire)
        }
        if !account.serverName.isEmpty { changed.expectedServerName = account.serverName }
        return changed
    }

    /// - Throws: `closed`, `notConnected`.
    func usableConnection() throws(RelayClientError) -> RelayConnection {
        guard isOpen else { throw RelayClientError(.closed, "the client was closed") }
        guard let connection else { throw RelayClientError(.notConnected, "the client is not connected") }
        return connection
    }
}
