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

    /// Whoever signs the challenge with the identity's key is that identity. PROTOCOL.md section 4.3.
    func authenticate(
        _ identity: Identity, _ signature: [UInt8], _ purpose: FrameType, _ challenge: Challenge,
        _ requestID: RequestID,
        _ session: Session
    ) {
        guard Identity.isValidName(identity.name) else {
            return end(
                session, .nameInvalid, "A name has 1 to 255 bytes of UTF-8 without control characters.", requestID)
        }
        let address = session.connection.address
        if let refusal = peers.checkAuthentication(from: address) { return answer(session, requestID, refusal) }
        let signed = AuthenticationTBS(challenge: challenge, purpose: purpose, identity: identity).encoded
        guard
            // A key that is none is the same as a signature that does not hold.
            let key = try? SignaturePublicKey(identity.signatureKey.rawSpan, scheme: identity.scheme),
            key.verifyWithLabel(
                AuthenticationTBS.label, content: signed.rawSpan, signature: signature.rawSpan,
                prefix: SignatureLabel.prefix)
        else {
            peers.authenticationFailed(from: address)
            return end(session, .authenticationFailed, "The signature does not hold.", requestID)
        }
        do throws(StoreError) {
            let client = try reader.read { (snapshot) throws(StoreError) -> ClientNumber? in
                guard try snapshot.user(named: identity.name) != nil else { return nil }
                return try snapshot.client(of: identity) ?? .relay
            }
            switch (client, purpose) {
            case (.some(.relay), _):
                peers.authenticationFailed(from: address)
                end(session, .identityTaken, "This name is registered with another signature key.", requestID)
            case (.some(let client), _):
                answer(session, requestID, Ready(client: client, time: Timestamp(rawValue: wallClockMilliseconds())))
                becomeReady(session, client)
            case (nil, .register):
                if let refusal = peers.register(from: address) { return answer(session, requestID, refusal) }
                session.state = .registering(identity)
                send(.register(identity), requestID, session, .relay)
            case (nil, _):
                peers.authenticationFailed(from: address)
                end(session, .identityUnknown, "This name is not registered.", requestID)
            }
        } catch {
            logger.error("an identity could not be looked up", metadata: ["reason": "\(error)"])
            end(session, .storageFailed, "The relay's storage failed.", requestID)
        }
    }
}
