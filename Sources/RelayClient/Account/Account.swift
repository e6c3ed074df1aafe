import MLSCodec
import MLSCrypto
import RelayConnection
import RelayWire
import TLSPresentation

/// What a device knows of itself and of its relay, beside groups. Durable: the only record of its table.
///
/// Whatever the relay has said of its authority once stays as it is: trust on first use, unless the root came by another
/// way.
struct Account: Equatable {
    /// The key of the record.
    static let key = Array("account".utf8)
    /// The one suite that this library makes groups and KeyPackages with.
    static let suite = CipherSuite.mls128DHKEMX25519AES128GCMSHA256Ed25519
    /// That of the suite.
    static let signatureScheme = SignatureScheme.ed25519

    /// The user's name, UTF-8.
    let user: [UInt8]
    /// The device's name, UTF-8.
    let device: [UInt8]
    let signatureKey: [UInt8]

    /// `relay` (0) before this device has registered.
    var clientNumber = ClientNumber.relay
    /// The relay's name; empty before the first connection.
    var serverName: [UInt8] = []
    /// Which credentials the relay takes; nil before the first connection.
    var rule: CredentialRule?
    /// The root of the relay's authority, DER; empty where it issues no certificates, or is not known yet.
    var root: [UInt8] = []

    /// An encoded `Credential`; empty before the relay has given one.
    var credential: [UInt8] = []
    /// From when until when it is valid; 0 for one that does not end.
    var credentialNotBefore = Timestamp(rawValue: 0)
    var credentialNotAfter = Timestamp(rawValue: 0)

    /// Up to where the inbox was processed.
    var inbox = Cursor.start

    /// Few KeyPackages are left at the relay.
    var needsKeyPackages = false
    /// The relay says that the credential ends soon.
    var needsCredential = false
    /// The place, in the log of KeyPackages, of the newest last-resort KeyPackage that was handed out.
    var lastResortUsed = SequenceNumber.zero

    /// The user's devices that this one knows, itself among them; empty before they were looked up.
    var devices: [OwnDevice] = []

    /// Not stored, and no part of what the account is.
    let verifiers = VerifierCache()

    init(user: [UInt8], device: [UInt8], signatureKey: [UInt8], root: [UInt8]) {
        self.user = user
        self.device = device
        self.signatureKey = signatureKey
        self.root = root
    }

    var isRegistered: Bool { clientNumber != .relay }
    var userName: String { String(decoding: user, as: UTF8.self) }
}

/// A device of one's own user.
struct OwnDevice: Hashable {
    let client: ClientNumber
    let name: [UInt8]
    let signatureKey: [UInt8]
    let registered: Timestamp
}

extension Account: TLSCodable {
    private static let version: UInt8 = 1

    init(from reader: inout Reader) throws(DecodingError) {
        try reader.expectVersion(Self.version, "Account")
        user = try reader.opaque()
        device = try reader.opaque()
        signatureKey = try reader.opaque()
        clientNumber = try ClientNumber(from: &reader)
        serverName = try reader.opaque()
        rule = try reader.optional()
        root = try reader.opaque()
        credential = try reader.opaque()
        credentialNotBefore = try Timestamp(from: &reader)
        credentialNotAfter = try Timestamp(from: &reader)
        inbox = Cursor(sequenceNumber: try SequenceNumber(from: &reader), chain: try reader.optional())
        needsKeyPackages = try reader.isPresent()
        needsCredential = try reader.isPresent()
        lastResortUsed = try SequenceNumber(from: &reader)
        devices = try reader.vector()
    }

    func encode(into writer: inout Writer) {
        writer.integer(Self.version)
        writer.opaque(user)
        writer.opaque(device)
        writer.opaque(signatureKey)
        clientNumber.encode(into: &writer)
        writer.opaque(serverName)
        writer.optional(rule)
        writer.opaque(root)
        writer.opaque(credential)
        credentialNotBefore.encode(into: &writer)
        credentialNotAfter.encode(into: &writer)
        inbox.sequenceNumber.encode(into: &writer)
        writer.optional(inbox.chain)
        writer.isPresent(needsKeyPackages)
        writer.isPresent(needsCredential)
        lastResortUsed.encode(into: &writer)
        writer.vector(devices)
    }
}

extension OwnDevice: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        client = try ClientNumber(from: &reader)
        name = try reader.opaque()
        signatureKey = try reader.opaque()
        registered = try Timestamp(from: &reader)
    }

    func encode(into writer: inout Writer) {
        client.encode(into: &writer)
        writer.opaque(name)
        writer.opaque(signatureKey)
        registered.encode(into: &writer)
    }
}
