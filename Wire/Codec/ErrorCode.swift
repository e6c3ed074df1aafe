public import TLSPresentation

/// Why a request was refused or a connection ended. PROTOCOL.md section 8 says what a client does about each.
public struct ErrorCode: TLSRegistered, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// In a list of results: no error.
    public static let none = Self(rawValue: 0)

    // The connection ends.
    public static let malformedFrame = Self(rawValue: 1)
    public static let frameTooLarge = Self(rawValue: 2)
    public static let unexpectedFrame = Self(rawValue: 3)
    public static let versionUnsupported = Self(rawValue: 4)
    public static let authenticationFailed = Self(rawValue: 5)
    public static let identityTaken = Self(rawValue: 6)
    public static let identityUnknown = Self(rawValue: 7)
    public static let nameInvalid = Self(rawValue: 8)
    public static let timedOut = Self(rawValue: 9)
    public static let admissionRequired = Self(rawValue: 10)
    public static let admissionInvalid = Self(rawValue: 11)
    public static let clientRevoked = Self(rawValue: 12)
    public static let userSuspended = Self(rawValue: 13)
    public static let credentialInvalid = Self(rawValue: 14)

    // The request is refused, the connection goes on.
    public static let unknownFrameType = Self(rawValue: 32)
    public static let tooManyRequests = Self(rawValue: 33)
    public static let tooManySubscriptions = Self(rawValue: 34)
    public static let storageFull = Self(rawValue: 35)
    public static let storageFailed = Self(rawValue: 36)
    public static let shuttingDown = Self(rawValue: 37)
    public static let rateLimited = Self(rawValue: 38)
    public static let quotaExceeded = Self(rawValue: 39)
    public static let logUnknown = Self(rawValue: 48)
    public static let notPermitted = Self(rawValue: 49)
    public static let cursorAhead = Self(rawValue: 50)
    public static let notSubscribed = Self(rawValue: 51)
    public static let tooManyItems = Self(rawValue: 52)
    public static let groupExists = Self(rawValue: 64)
    public static let groupUnknown = Self(rawValue: 65)
    public static let groupIDInvalid = Self(rawValue: 66)
    public static let messageMalformed = Self(rawValue: 67)
    public static let messageTooLarge = Self(rawValue: 68)
    public static let tooManyMessages = Self(rawValue: 69)
    public static let mixedGroups = Self(rawValue: 70)
    public static let staleEpoch = Self(rawValue: 71)
    public static let futureEpoch = Self(rawValue: 72)
    public static let keyPackageRefUnknown = Self(rawValue: 73)
    public static let keyPackagePoolFull = Self(rawValue: 74)
    public static let keyPackageTooLarge = Self(rawValue: 75)
    public static let keyPackageUnavailable = Self(rawValue: 76)
    public static let groupInfoUnavailable = Self(rawValue: 77)
    public static let notMember = Self(rawValue: 80)
    public static let roleInsufficient = Self(rawValue: 81)
    public static let lastAdmin = Self(rawValue: 82)
    public static let groupDeleted = Self(rawValue: 83)
    public static let groupInfoRequired = Self(rawValue: 84)
    public static let groupInfoInvalid = Self(rawValue: 85)
    public static let commitInvalid = Self(rawValue: 86)
    public static let proposalInvalid = Self(rawValue: 87)
    public static let proposalRequired = Self(rawValue: 88)
    public static let approvalRequired = Self(rawValue: 89)
    public static let userBanned = Self(rawValue: 90)
    public static let invitationRequired = Self(rawValue: 91)
    public static let invitationUnknown = Self(rawValue: 92)
    public static let rosterMismatch = Self(rawValue: 93)
    public static let keyPackageInvalid = Self(rawValue: 94)
    public static let externalJoinRefused = Self(rawValue: 95)
    public static let commitReserved = Self(rawValue: 96)
    public static let commitNotProvisional = Self(rawValue: 97)
    public static let handshakeModeWrong = Self(rawValue: 98)
    public static let policyInvalid = Self(rawValue: 99)
    public static let welcomeMismatch = Self(rawValue: 100)
    public static let userUnknown = Self(rawValue: 101)
    public static let keyInUse = Self(rawValue: 102)
    public static let lastClient = Self(rawValue: 103)

    /// Every code that this version of the protocol has, with its name as PROTOCOL.md writes it.
    public static let names: [(code: ErrorCode, name: String)] = [
        (.malformedFrame, "malformed_frame"), (.frameTooLarge, "frame_too_large"),
        (.unexpectedFrame, "unexpected_frame"), (.versionUnsupported, "version_unsupported"),
        (.authenticationFailed, "authentication_failed"), (.identityTaken, "identity_taken"),
        (.identityUnknown, "identity_unknown"), (.nameInvalid, "name_invalid"), (.timedOut, "timed_out"),
        (.admissionRequired, "admission_required"), (.admissionInvalid, "admission_invalid"),
        (.clientRevoked, "client_revoked"), (.userSuspended, "user_suspended"),
        (.credentialInvalid, "credential_invalid"), (.unknownFrameType, "unknown_frame_type"),
        (.tooManyRequests, "too_many_requests"), (.tooManySubscriptions, "too_many_subscriptions"),
        (.storageFull, "storage_full"), (.storageFailed, "storage_failed"), (.shuttingDown, "shutting_down"),
        (.rateLimited, "rate_limited"), (.quotaExceeded, "quota_exceeded"), (.logUnknown, "log_unknown"),
        (.notPermitted, "not_permitted"), (.cursorAhead, "cursor_ahead"), (.notSubscribed, "not_subscribed"),
        (.tooManyItems, "too_many_items"), (.groupExists, "group_exists"), (.groupUnknown, "group_unknown"),
        (.groupIDInvalid, "group_id_invalid"), (.messageMalformed, "message_malformed"),
        (.messageTooLarge, "message_too_large"), (.tooManyMessages, "too_many_messages"),
        (.mixedGroups, "mixed_groups"), (.staleEpoch, "stale_epoch"), (.futureEpoch, "future_epoch"),
        (.keyPackageRefUnknown, "key_package_ref_unknown"), (.keyPackagePoolFull, "key_package_pool_full"),
        (.keyPackageTooLarge, "key_package_too_large"), (.keyPackageUnavailable, "key_package_unavailable"),
        (.groupInfoUnavailable, "group_info_unavailable"), (.notMember, "not_member"),
        (.roleInsufficient, "role_insufficient"), (.lastAdmin, "last_admin"), (.groupDeleted, "group_deleted"),
        (.groupInfoRequired, "group_info_required"), (.groupInfoInvalid, "group_info_invalid"),
        (.commitInvalid, "commit_invalid"), (.proposalInvalid, "proposal_invalid"),
        (.proposalRequired, "proposal_required"), (.approvalRequired, "approval_required"),
        (.userBanned, "user_banned"), (.invitationRequired, "invitation_required"),
        (.invitationUnknown, "invitation_unknown"), (.rosterMismatch, "roster_mismatch"),
        (.keyPackageInvalid, "key_package_invalid"), (.externalJoinRefused, "external_join_refused"),
        (.commitReserved, "commit_reserved"), (.commitNotProvisional, "commit_not_provisional"),
        (.handshakeModeWrong, "handshake_mode_wrong"), (.policyInvalid, "policy_invalid"),
        (.welcomeMismatch, "welcome_mismatch"), (.userUnknown, "user_unknown"), (.keyInUse, "key_in_use"),
        (.lastClient, "last_client"),
    ]

    /// Whether the relay closes the connection after an error of this code.
    public var endsConnection: Bool { rawValue < 32 && self != .none }

    /// The close code of a WebSocket connection that ends with this error. RFC 6455 section 7.4, PROTOCOL.md section 2.
    public var closeCode: UInt16 {
        switch self {
        case .frameTooLarge: 1009
        case .malformedFrame, .unexpectedFrame: 1002
        case .timedOut: 4001
        default: 4000
        }
    }
}

extension ErrorCode: CustomStringConvertible {
    public var description: String { Self.names.first { $0.code == self }?.name ?? "error \(rawValue)" }
}
