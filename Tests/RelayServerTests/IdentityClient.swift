import MLSCrypto
import RelayTransport
import RelayWire
import TLSPresentation
import TestSupport

/// A client with its key, which a test drives over a connection.
final class IdentityClient {
    let relay: RunningRelay
    let name: String
    let clientName: String
    var key: SigningKey
    private(set) var number = ClientNumber.relay
    private(set) var connection: BlockingClient

    /// Connected and not authenticated yet.
    init(_ name: String, _ clientName: String = "", key: SigningKey? = nil, at relay: RunningRelay) throws {
        self.relay = relay
        self.name = name
        self.clientName = clientName
        self.key = try key ?? SigningKey.generate(.ed25519)
        connection = try relay.connect(.tcp)
    }

    /// Registered, by an admission where one is needed.
    static func registered(
        _ name: String, _ clientName: String = "", admission: Admission = .open, at relay: RunningRelay
    ) throws -> IdentityClient {
        let client = try IdentityClient(name, clientName, at: relay)
        _ = try client.register(admission).ready
        return client
    }

    var identity: Identity { BlockingClient.identity(name, key) }

    /// Registers on the connection that there is.
    @discardableResult
    func register(_ admission: Admission = .open) throws -> Frame {
        let challenge = try connection.hello()
        let signed = AuthenticationTBS(
            challenge: challenge, purpose: .register, identity: identity, clientName: Array(clientName.utf8),
            admission: admission)
        let frame = try connection.request(
            Register(
                identity: identity, clientName: Array(clientName.utf8), admission: admission,
                signature: sign(AuthenticationTBS.label, signed.encoded)))
        if case .ready(let ready) = frame { number = ready.client }
        return frame
    }

    /// Authenticates on a new connection.
    @discardableResult
    func authenticate() throws -> Frame {
        connection = try relay.connect(.tcp)
        let challenge = try connection.hello()
        let signed = AuthenticationTBS(challenge: challenge, purpose: .authenticate, identity: identity)
        return try connection.request(
            Authenticate(identity: identity, signature: sign(AuthenticationTBS.label, signed.encoded)))
    }

    /// Forgets the connection for a new one.
    func reconnect() throws { connection = try relay.connect(.tcp) }

    func sign(_ label: String, _ content: [UInt8]) throws -> [UInt8] {
        try key.signWithLabel(label, content: content.rawSpan, prefix: SignatureLabel.prefix)
    }

    /// Admits a client of the same user.
    func admit(
        _ client: IdentityClient, notAfter: Timestamp = Timestamp(rawValue: .max >> 1),
        _ change: (inout AdmissionTBS) -> Void = { _ in }
    ) throws -> Admission {
        var signed = AdmissionTBS(
            serverName: Array("mlsrelay".utf8), identity: client.identity, clientName: Array(client.clientName.utf8),
            client: number, notAfter: notAfter)
        change(&signed)
        return .client(number, notAfter: notAfter, signature: try sign(AdmissionTBS.label, signed.encoded))
    }

    /// A rotation to `new`, signed by both keys.
    func rotation(to new: SigningKey, serverName: String = "mlsrelay") throws -> RotateKey {
        let signed = RotationTBS(
            serverName: Array(serverName.utf8), client: number, old: identity, new: BlockingClient.identity(name, new)
        ).encoded
        return RotateKey(
            scheme: new.scheme, signatureKey: new.publicKey.bytes,
            signatureByOld: try sign(RotationTBS.label, signed),
            signatureByNew: try new.signWithLabel(
                RotationTBS.label, content: signed.rawSpan, prefix: SignatureLabel.prefix))
    }

    func request(_ body: some FrameBody) throws -> Frame { try connection.request(body) }

    /// The end of a log, from its first entry on, through the one that there is now.
    func read(_ name: LogName) throws -> [Entry] {
        let subscription = Subscribe(subscriptions: [Subscription(log: name, after: .zero)])
        guard case .subscribed(let answer) = try request(subscription), let result = answer.results.first,
            result.error == .none
        else { throw FakeServer.Failure(description: "not subscribed") }
        var entries: [Entry] = []
        while entries.last?.header.sequenceNumber ?? .zero < result.last {
            if case .entry(let frame) = try connection.expect().1 { entries.append(frame.entry) }
        }
        _ = try request(Unsubscribe(logs: [result.log]))
        return entries
    }
}

extension Frame {
    var ready: Ready {
        get throws {
            guard case .ready(let ready) = self else { throw FakeServer.Failure(description: "\(self)") }
            return ready
        }
    }

    /// The code of an error; nil for any other frame.
    var errorCode: ErrorCode? { if case .error(let error) = self { error.code } else { nil } }

    var isDone: Bool { if case .done = self { true } else { false } }
}
