import ClientStore
import RelayWire
import TLSPresentation

/// Whose a client number is, as the relay's directory or a KeyPackage has said.
struct KnownClient: Hashable {
    let number: ClientNumber
    let user: String
    let device: String
    let signatureKey: [UInt8]
    /// When it was registered; 0 where only a KeyPackage is known of it.
    let registered: RelayTime

    var fingerprint: Fingerprint { Fingerprint(ofPublicKey: signatureKey) }
}

extension KnownClient: TLSCodable {
    private static let version: UInt8 = 1

    init(from reader: inout Reader) throws(DecodingError) {
        try reader.expectVersion(Self.version, "KnownClient")
        number = try ClientNumber(from: &reader)
        user = try reader.text()
        device = try reader.text()
        signatureKey = try reader.opaque()
        registered = RelayTime(milliseconds: try reader.uint64())
    }

    func encode(into writer: inout Writer) {
        writer.integer(Self.version)
        number.encode(into: &writer)
        writer.text(user)
        writer.text(device)
        writer.opaque(signatureKey)
        writer.integer(registered.milliseconds)
    }
}

extension KnownClient {
    /// - Throws: `protocolViolation` for a name that no client has.
    init(_ description: ClientDescription, of user: String) throws(RelayClientError) {
        guard RelayWire.Identity.isValidClientName(description.clientName) else {
            throw RelayClientError(.protocolViolation, "the relay names a device as none is named")
        }
        self.init(
            number: description.client, user: user, device: String(decoding: description.clientName, as: UTF8.self),
            signatureKey: description.signatureKey,
            registered: RelayTime(milliseconds: description.registered.rawValue))
    }
}

/// The table of clients.
extension StoreTransaction {
    func client(_ number: ClientNumber) throws -> KnownClient? {
        try decode(KnownClient.self, Tables.clients, number.rawValue.encoded)
    }

    func put(_ client: KnownClient) throws { try encode(client, Tables.clients, client.number.rawValue.encoded) }
}
