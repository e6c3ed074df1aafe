import Logging
import MLSCrypto
import RelayCore
import RelayStore
import RelayTransport
import RelayWire
import TLSPresentation
import WebSocketFraming

extension RelayLoop {
    private static let versions = RelayWire.ProtocolVersion.v1...RelayWire.ProtocolVersion.v1

    /// PROTOCOL.md section 4.1.
    func hello(_ hello: Hello, _ requestID: RequestID, _ session: Session) {
        guard let version = hello.versions.filter(Self.versions.contains).max() else {
            let detail = VersionDetail(lowest: Self.versions.lowerBound, highest: Self.versions.upperBound)
            answer(
                session, requestID,
                RelayError(.versionUnsupported, "This relay speaks version 1.", detail: detail.encoded))
            return beginEnding(session, WebSocketCloseCode(rawValue: ErrorCode.versionUnsupported.closeCode))
        }
        let challenge = Challenge(
            version: version, serverName: Array(configuration.serverName.utf8),
            nonce: randomBytes(WireLimits.nonceByteCount), limits: limits)
        session.state = .expectingAuthentication(challenge)
        answer(session, requestID, challenge)
    }

    /// Whoever signs the challenge with a client's key is that client. PROTOCOL.md section 4.3.
    func authenticate(_ frame: Authenticate, _ challenge: Challenge, _ requestID: RequestID, _ session: Session) {
        let signed = AuthenticationTBS(challenge: challenge, purpose: .authenticate, identity: frame.identity)
        guard prove(frame.identity, signed, frame.signature, requestID, session) else { return }
        enter(frame.identity, requestID, session) { _ throws(StoreError) in
            .refused(RelayError(.identityUnknown, "No client with this name and key is registered."))
        }
    }

    /// PROTOCOL.md section 4.3.
    func register(_ frame: Register, _ challenge: Challenge, _ requestID: RequestID, _ session: Session) {
        let identity = frame.identity
        let signed = AuthenticationTBS(
            challenge: challenge, purpose: .register, identity: identity, clientName: frame.clientName,
            admission: frame.admission)
        guard prove(identity, signed, frame.signature, requestID, session) else { return }
        enter(identity, requestID, session) { (snapshot) throws(StoreError) in
            // The writer would say the same; it has other things to do.
            if frame.admission.type != .client, try snapshot.user(named: identity.name) != nil {
                return .refused(RelayError(.identityTaken, "This name is registered with another signature key."))
            }
            var registration = Registration(identity, clientName: frame.clientName, admission: frame.admission)
            registration.verifiedWith = try admitting(frame, snapshot)
            return .unknown(registration)
        }
    }

    /// Who admits a new client, where its signature holds; whether it may is the core's to say.
    private func admitting(_ frame: Register, _ snapshot: borrowing Snapshot) throws(StoreError) -> Identity? {
        guard case .client(let client, let notAfter, let signature) = frame.admission,
            let identity = try snapshot.identity(of: client), identity.name == frame.identity.name
        else { return nil }
        let signed = AdmissionTBS(
            serverName: Array(configuration.serverName.utf8), identity: frame.identity, clientName: frame.clientName,
            client: client, notAfter: notAfter)
        return verify(signature, of: signed.encoded, AdmissionTBS.label, by: identity) ? identity : nil
    }

    /// Whether a signature holds; a key that is none is the same as one that does not.
    func verify(_ signature: [UInt8], of signed: [UInt8], _ label: String, by identity: Identity) -> Bool {
        guard let key = try? SignaturePublicKey(identity.signatureKey.rawSpan, scheme: identity.scheme) else {
            return false
        }
        return key.verifyWithLabel(
            label, content: signed.rawSpan, signature: signature.rawSpan, prefix: SignatureLabel.prefix)
    }

    /// Whether the client holds the key; otherwise its connection ends.
    private func prove(
        _ identity: Identity, _ signed: AuthenticationTBS, _ signature: [UInt8], _ requestID: RequestID,
        _ session: Session
    ) -> Bool {
        guard Identity.isValidName(identity.name) else {
            end(session, .nameInvalid, "A name has 1 to 255 bytes of UTF-8 without control characters.", requestID)
            return false
        }
        let address = session.connection.address
        if let refusal = peers.checkAuthentication(from: address) {
            refuse(refusal, requestID, session)
            return false
        }
        guard verify(signature, of: signed.encoded, AuthenticationTBS.label, by: identity) else {
            peers.authenticationFailed(from: address)
            end(session, .authenticationFailed, "The signature does not hold.", requestID)
            return false
        }
        return true
    }

    /// The nonce is spent: whatever the error, the connection ends.
    private func refuse(_ error: RelayError, _ requestID: RequestID, _ session: Session) {
        answer(session, requestID, error)
        beginEnding(session, WebSocketCloseCode(rawValue: error.code.closeCode))
    }

    /// What a snapshot says about an identity.
    private enum Entrance {
        case client(ClientNumber)
        case refused(RelayError)
        /// It may be a new client's.
        case unknown(Registration)
    }

    private func enter(
        _ identity: Identity, _ requestID: RequestID, _ session: Session,
        orElse unknown: (borrowing Snapshot) throws(StoreError) -> Entrance
    ) {
        do throws(StoreError) {
            let entrance = try reader.read { (snapshot) throws(StoreError) -> Entrance in
                guard let client = try snapshot.client(of: identity) else { return try unknown(snapshot) }
                return try snapshot.refusalToConnect(client).map { .refused($0) } ?? .client(client)
            }
            switch entrance {
            case .client(let client):
                answer(session, requestID, Ready(client: client, time: Timestamp(rawValue: wallClockMilliseconds())))
                becomeReady(session, client)
            case .refused(let error):
                peers.authenticationFailed(from: session.connection.address)
                refuse(error, requestID, session)
            case .unknown(let registration):
                if let refusal = peers.register(from: session.connection.address) {
                    return refuse(refusal, requestID, session)
                }
                session.state = .registering(identity)
                send(.register(registration), requestID, session, .relay)
            }
        } catch {
            logger.error("an identity could not be looked up", metadata: ["reason": "\(error)"])
            end(session, .storageFailed, "The relay's storage failed.", requestID)
        }
    }
}
