import ClientTransport
public import RelayWire
import TLSPresentation

/// Why something that a `RelayConnection` was asked for did not come about. Equal if the codes are.
public struct RelayConnectionError: Error, Sendable {
    /// What happened, for programs.
    public struct Code: Hashable, Sendable {
        private enum Kind: Hashable {
            case relay(ErrorCode)
            case cancelled, timedOut, notConnected, closed
            case connectionFailed, connectionLost, certificateRefused, protocolViolation
            case chainBroken, entriesGone, alreadyFollowed, identityUnusable, serverNameDiffers
        }
        private let kind: Kind

        /// The relay refused it.
        public static func relay(_ code: ErrorCode) -> Code { Code(kind: .relay(code)) }
        /// The task was cancelled. What was asked for may have come about.
        public static let cancelled = Code(kind: .cancelled)
        /// There was no answer in time. What was asked for may have come about.
        public static let timedOut = Code(kind: .timedOut)
        /// `connect` was not called, or has failed.
        public static let notConnected = Code(kind: .notConnected)
        /// `close` was called.
        public static let closed = Code(kind: .closed)
        /// No connection came about.
        public static let connectionFailed = Code(kind: .connectionFailed)
        /// The connection broke, and what was asked for must not be sent twice. It may have come about.
        public static let connectionLost = Code(kind: .connectionLost)
        /// The relay's certificate is not one to trust. The client ends.
        public static let certificateRefused = Code(kind: .certificateRefused)
        /// The relay sent what a relay must not send.
        public static let protocolViolation = Code(kind: .protocolViolation)
        /// The relay's log is not the one that it has shown before: an entry is changed, left out, or out of order.
        public static let chainBroken = Code(kind: .chainBroken)
        /// Entries after the cursor are not kept any more.
        public static let entriesGone = Code(kind: .entriesGone)
        /// This client follows the log already.
        public static let alreadyFollowed = Code(kind: .alreadyFollowed)
        /// The identity's key does not sign.
        public static let identityUnusable = Code(kind: .identityUnusable)
        /// The relay has another name than the one that was expected: it is another relay. The client ends.
        public static let serverNameDiffers = Code(kind: .serverNameDiffers)

        /// The relay's code, where the relay refused.
        public var relayCode: ErrorCode? { if case .relay(let code) = kind { code } else { nil } }
    }

    public let code: Code
    /// A sentence for people.
    public let message: String
    /// What the relay said, where the relay refused.
    public let relayError: RelayError?
    /// The entry at which the chain does not hold.
    public let position: Position?

    init(_ code: Code, _ message: String, position: Position? = nil) {
        self.code = code
        self.message = message
        relayError = nil
        self.position = position
    }

    init(_ error: RelayError) {
        code = .relay(error.code)
        message = String(decoding: error.text, as: UTF8.self)
        relayError = error
        position = nil
    }

    /// An entry of a list of results that was refused.
    init(result code: ErrorCode, _ message: String) { self.init(RelayError(code, message)) }

    init(_ error: TransportError, wasReady: Bool) {
        let code: Code
        switch error {
        case .certificateRefused: code = .certificateRefused
        case .protocolViolation: code = .protocolViolation
        default: code = wasReady ? .connectionLost : .connectionFailed
        }
        self.init(code, "\(error)")
    }

    /// Where the group is and which commit won, if the relay refused for the epoch.
    public var epochDetail: EpochDetail? {
        guard let relayError, [.staleEpoch, .futureEpoch].contains(relayError.code) else { return nil }
        // A detail that is none does not make the refusal any less of one.
        return try? EpochDetail(decoding: relayError.detail)
    }

    /// Which versions the relay speaks, if it refused for the version.
    public var versionDetail: VersionDetail? {
        guard let relayError, relayError.code == .versionUnsupported else { return nil }
        // As above.
        return try? VersionDetail(decoding: relayError.detail)
    }

    /// When a repetition has a chance, if the relay refused for how often or how much was asked, or for another's turn.
    public var retryDetail: RetryDetail? {
        guard let relayError, [.rateLimited, .quotaExceeded, .commitReserved].contains(relayError.code) else {
            return nil
        }
        // As above.
        return try? RetryDetail(decoding: relayError.detail)
    }

    /// Which rule was broken, if the relay refused what it validates.
    public var ruleDetail: RuleDetail? {
        let codes: [ErrorCode] = [.keyPackageInvalid, .groupInfoInvalid, .proposalInvalid, .commitInvalid]
        guard let relayError, codes.contains(relayError.code) else { return nil }
        // As above.
        return try? RuleDetail(decoding: relayError.detail)
    }

    /// Whether no later attempt can end differently: the client ends with it.
    var isFatal: Bool {
        switch code.relayCode {
        case .versionUnsupported?, .authenticationFailed?, .identityTaken?, .identityUnknown?, .nameInvalid?: true
        case .admissionRequired?, .admissionInvalid?, .clientRevoked?, .userSuspended?, .keyInUse?: true
        case .credentialInvalid?: true
        case _?: false
        case nil: [.certificateRefused, .identityUnusable, .serverNameDiffers].contains(code)
        }
    }
}

extension RelayConnectionError: Hashable {
    public static func == (left: RelayConnectionError, right: RelayConnectionError) -> Bool { left.code == right.code }
    public func hash(into hasher: inout Hasher) { hasher.combine(code) }
}

extension RelayConnectionError: CustomStringConvertible {
    public var description: String {
        let place = position.map { " (log \($0.log), entry \($0.sequenceNumber))" } ?? ""
        return "\(code)\(place): \(message)"
    }
}

extension RelayConnectionError.Code: CustomStringConvertible {
    public var description: String {
        switch kind {
        case .relay(let code): "\(code)"
        default: "\(kind)"
        }
    }
}
