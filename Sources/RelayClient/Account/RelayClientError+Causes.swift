import ClientStore
import ClientTransport
import MLSPublicGroup
import RelayConnection
import RelayCredentials
import RelayWire
import TLSPresentation

/// What the layers below throw, as what applications get.
extension RelayClientError {
    init(_ error: any Error) {
        switch error {
        case let error as RelayClientError: self = error
        case let error as RelayConnectionError: self.init(error)
        case let error as ClientStoreError: self.init(error)
        case let error as RelayURL.ParsingError: self.init(.addressInvalid, "\(error)")
        case let error as CredentialError: self.init(.keyNotTrusted, "\(error)")
        case let error as GroupError: self.init(.refused, "\(error)")
        // Nothing that comes from elsewhere is decoded without saying so: it is the store's.
        case let error as DecodingError: self.init(.damaged, "\(error)")
        case is CancellationError: self.init(.cancelled, "the task was cancelled")
        default: self.init(.refused, "\(error)")
        }
    }

    private init(_ error: RelayConnectionError) {
        if let code = error.code.relayCode {
            self.init(Self.code(of: code), error.message, retryAfter: error.retryAfter)
        } else {
            self.init(Self.code(of: error.code), error.message)
        }
    }

    /// A refusal that stands in a list of results.
    init(_ error: RelayError) {
        let text = String(decoding: error.text, as: UTF8.self)
        self.init(Self.code(of: error.code), text.isEmpty ? "\(error.code)" : text)
    }

    private static func code(of code: RelayConnectionError.Code) -> Code {
        switch code {
        case .cancelled: .cancelled
        case .timedOut: .timedOut
        case .notConnected: .notConnected
        case .closed: .closed
        case .certificateRefused: .relayNotTrusted
        case .serverNameDiffers: .storeMismatch
        case .protocolViolation, .chainBroken: .protocolViolation
        case .connectionFailed, .connectionLost: .connectionFailed
        default: .refused
        }
    }

    /// PROTOCOL.md section 8.
    private static func code(of code: ErrorCode) -> Code { codes[code] ?? .refused }

    private static let codes: [ErrorCode: Code] = [
        .timedOut: .connectionFailed, .shuttingDown: .connectionFailed,
        .versionUnsupported: .protocolViolation, .malformedFrame: .protocolViolation,
        .unexpectedFrame: .protocolViolation,
        .frameTooLarge: .messageTooLarge, .messageTooLarge: .messageTooLarge,
        .nameInvalid: .nameInvalid, .identityTaken: .nameTaken,
        .admissionRequired: .admissionRequired, .admissionInvalid: .admissionInvalid,
        .clientRevoked: .deviceRevoked, .credentialInvalid: .deviceRevoked, .userSuspended: .userSuspended,
        .identityUnknown: .storeMismatch, .authenticationFailed: .storeMismatch,
        .rateLimited: .limited, .quotaExceeded: .limited, .tooManyRequests: .limited, .tooManyItems: .limited,
        .tooManyMessages: .limited, .tooManySubscriptions: .limited, .commitReserved: .limited,
        .keyPackagePoolFull: .limited,
        .groupUnknown: .groupUnknown, .logUnknown: .groupUnknown, .groupDeleted: .groupUnknown,
        .groupInfoUnavailable: .groupUnknown,
        .notMember: .notMember, .roleInsufficient: .notAllowed, .notPermitted: .notAllowed,
        .externalJoinRefused: .notAllowed, .invitationRequired: .notAllowed, .policyInvalid: .notAllowed,
        .lastAdmin: .lastAdmin, .userBanned: .userBanned, .approvalRequired: .approvalRequired,
        .invitationUnknown: .invitationUnknown, .userUnknown: .userUnknown, .lastClient: .lastDevice,
        .keyPackageUnavailable: .userUnavailable,
        .staleEpoch: .obsolete, .futureEpoch: .obsolete, .commitNotProvisional: .obsolete,
    ]

    private init(_ error: ClientStoreError) {
        switch error {
        case .full: self.init(.storeFull, "the disk, or the store, is full")
        case .inUse: self.init(.storeInUse, "another process uses the store")
        case .keyWrong: self.init(.storeMismatch, "the store belongs to another identity")
        case .formatUnknown(let format): self.init(.damaged, "the store has the unknown format \(format)")
        case .damaged(let what): self.init(.damaged, "the store is damaged: \(what)")
        case .failed(let call, let code): self.init(.storeFailed, "\(call) failed with errno \(code)")
        case .interrupted: self.init(.storeFailed, "interrupted")
        }
    }
}

extension RelayConnectionError {
    /// When a repetition has a chance, where the relay said so.
    fileprivate var retryAfter: Duration? {
        guard let milliseconds = retryDetail?.retryAfterMilliseconds, milliseconds > 0 else { return nil }
        return .milliseconds(milliseconds)
    }
}
