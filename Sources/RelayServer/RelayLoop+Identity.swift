import Logging
import MLSCodec
import MLSCrypto
import RelayAuthority
import RelayCore
import RelayCredentials
import RelayStore
import RelayTransport
import RelayWire
import TLSPresentation

/// The Authentication Service's requests. PROTOCOL.md sections 7.7 and 7.8.
extension RelayLoop {
    /// - Returns: false for a frame that is none of these.
    func handleIdentity(
        _ type: FrameType, _ requestID: RequestID, _ content: RawSpan, _ session: Session, _ client: ClientNumber
    ) throws(DecodingError) -> Bool {
        switch type {
        case .issueCredential:
            _ = try IssueCredential(decoding: content)
            issueCredential(requestID, session, client)
        case .rotateKey: rotateKey(try RotateKey(decoding: content), requestID, session, client)
        case .revokeClient:
            send(.identity(.revoke(try RevokeClient(decoding: content))), requestID, session, client)
        case .setVisibility:
            let visibility = try SetVisibility(decoding: content).visibility
            send(.identity(.setVisibility(visibility)), requestID, session, client)
        case .lookUp:
            let names = try LookUp(decoding: content).names
            query(requestID, session) { (snapshot) throws(StoreError) in try snapshot.lookUp(names, for: client) }
        case .searchUsers:
            let request = try SearchUsers(decoding: content)
            let rules = configuration.rules
            query(requestID, session) { (snapshot) throws(StoreError) in
                guard try snapshot.mayFollowDirectory(client, rules) else { return .failure(.operatorsOnly) }
                return .success(try snapshot.search(request))
            }
        case .fetchAuthority:
            _ = try FetchAuthority(decoding: content)
            fetchAuthority(requestID, session)
        case .administer:
            let action = try Administer(decoding: content).action
            // Made here: the core has no randomness.
            let token = action.type == .createToken ? randomBytes(Self.tokenByteCount) : []
            send(.administer(action, token: token), requestID, session, client)
        default: return false
        }
        return true
    }

    /// 128 bits: nobody guesses a token.
    private static let tokenByteCount = 16

    // MARK: Credentials

    private func issueCredential(_ requestID: RequestID, _ session: Session, _ client: ClientNumber) {
        let record: ClientRecord
        do throws(StoreError) {
            record = try reader.read { (snapshot) throws(StoreError) in try snapshot.existing(Tables.clients, client) }
        } catch { return answer(session, requestID, unreadable(error)) }
        guard let authority else {
            // It says nothing that the client could not say itself, and ends with the registration.
            let credential = Credential.basic(identity: record.identity.name)
            let none = Timestamp(rawValue: 0)
            return answer(
                session, requestID,
                CredentialAnswer(credential: credential.encoded, notBefore: none, notAfter: none))
        }
        let now = wallClockMilliseconds() / 1000
        do {
            let issued = try authority.issue(
                CredentialSubject(userName: record.identity.name, clientName: record.clientName),
                scheme: record.identity.scheme, signatureKey: record.identity.signatureKey, at: now,
                lifetime: configuration.credentials.lifetimeMilliseconds / 1000)
            guard case .x509(let certificates) = issued.credential, let certificate = certificates.first else {
                preconditionFailure("an authority issues certificates")
            }
            let certified = CertifiedKey(
                identity: record.identity, credential: issued.credential.encoded, serial: issued.serial,
                notBefore: Timestamp(rawValue: issued.notBefore * 1000),
                notAfter: Timestamp(rawValue: issued.notAfter * 1000),
                certificateHash: SHA256.hash(certificate.certData))
            send(.identity(.credential(certified)), requestID, session, client)
        } catch {
            logger.error("a credential could not be issued", metadata: ["reason": "\(error)"])
            answer(session, requestID, RelayError(.storageFailed, "The relay's authority cannot issue now."))
        }
    }

    private func rotateKey(
        _ frame: RotateKey, _ requestID: RequestID, _ session: Session, _ client: ClientNumber
    ) {
        let old: Identity
        do throws(StoreError) {
            old = try reader.read { (snapshot) throws(StoreError) in
                try snapshot.existing(Tables.clients, client).identity
            }
        } catch { return answer(session, requestID, unreadable(error)) }
        let new = Identity(name: old.name, scheme: frame.scheme, signatureKey: frame.signatureKey)
        // The answer to the first one was lost.
        guard new != old else { return answer(session, requestID, Done()) }
        let signed = RotationTBS(
            serverName: Array(configuration.serverName.utf8), client: client, old: old, new: new
        ).encoded
        guard verify(frame.signatureByOld, of: signed, RotationTBS.label, by: old),
            verify(frame.signatureByNew, of: signed, RotationTBS.label, by: new)
        else { return end(session, .authenticationFailed, "A signature of the rotation does not hold.", requestID) }
        let rotation = KeyRotation(
            old: old, new: new, signatureByOld: frame.signatureByOld, signatureByNew: frame.signatureByNew)
        send(.identity(.rotate(rotation)), requestID, session, client)
    }

    // MARK: What the relay stands for

    private func fetchAuthority(_ requestID: RequestID, _ session: Session) {
        let rule = configuration.credentials.rule
        let root = authority?.rootCertificate ?? []
        let serverName = Array(configuration.serverName.utf8)
        query(requestID, session) { (snapshot) throws(StoreError) in
            let name = LogName.directory.name
            guard let log = try snapshot.log(.directory, named: name.rawSpan), let head = try snapshot.head(of: log)
            else { throw .corrupted("there is no directory") }
            return .success(
                EncodedFrame(
                    Authority(
                        credentials: rule, rootCertificate: root, serverName: serverName, directoryLast: head.last,
                        directoryChain: head.chain)))
        }
    }

    /// The issuing certificate is renewed in time, or the operator is told.
    func tendAuthority() {
        guard let authority, loop.index == 0, authorityTendedAt + Self.authorityCheckMilliseconds <= loop.now else {
            return
        }
        authorityTendedAt = loop.now
        let now = wallClockMilliseconds() / 1000
        do throws(AuthorityError) {
            if try authority.renewIfNeeded(at: now) { logger.notice("the issuing certificate was renewed") }
        } catch {
            logger.error("the issuing certificate could not be renewed", metadata: ["reason": "\(error)"])
        }
        if let warning = authority.warning(at: now) {
            logger.warning("the authority", metadata: ["reason": "\(warning)"])
        }
    }

    private static let authorityCheckMilliseconds: UInt64 = 6 * 3_600_000
}

extension RecordReading where Self: ~Copyable {
    /// Whether a client may follow the directory and search it.
    func mayFollowDirectory(_ client: ClientNumber, _ rules: RelayRules) throws(Failure) -> Bool {
        switch rules.directory {
        case .open: true
        case .closed: try isOperator(client, rules)
        }
    }
}
