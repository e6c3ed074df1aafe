public import RelayWire

/// Who is registered, as the tables say.
extension RecordReading where Self: ~Copyable {
    public func user(named name: [UInt8]) throws(Failure) -> UserNumber? {
        guard (1...WireLimits.maxNameByteCount).contains(name.count) else { return nil }
        return try get(Tables.userNames, BytesKey(name))
    }

    /// The client of the user with this name that has this key at present; nil where there is none.
    public func client(of identity: Identity) throws(Failure) -> ClientNumber? {
        let keyID = BytesKey(Identity.keyID(identity.signatureKey))
        guard let client = try get(Tables.signatureKeys, keyID) else { return nil }
        return try existing(Tables.clients, client).identity == identity ? client : nil
    }

    /// The identity of a client: its user's name and its key.
    public func identity(of client: ClientNumber) throws(Failure) -> Identity? {
        try get(Tables.clients, client)?.identity
    }
}
