/// Why something that was asked for did not come about. Equal if the codes are.
public struct RelayClientError: Error, Sendable {
    /// What happened, for programs.
    public enum Code: String, Hashable, Sendable, CaseIterable {
        // Identities and stores.
        /// A name is empty, too long, or has control characters.
        case nameInvalid
        /// There is a file of that name already.
        case fileExists
        /// The file cannot be read or written, or others may read it.
        case fileUnusable
        /// The passphrase or key is not the one that the file was saved with.
        case passphraseWrong
        /// The file or the store does not hold what it should: it was damaged or changed.
        case damaged
        /// Another process uses the store.
        case storeInUse
        /// The store belongs to another identity or another relay.
        case storeMismatch
        /// The disk is full.
        case storeFull
        /// The disk refuses.
        case storeFailed

        // The connection.
        /// The URL is none.
        case addressInvalid
        /// `connect` was not called, or has failed.
        case notConnected
        case connectionFailed
        /// The relay's certificate, or its authority, is not one to trust.
        case relayNotTrusted
        /// The relay did not answer in time. What was asked for may come about.
        case timedOut
        case cancelled
        /// `close` was called.
        case closed
        /// The relay sent what a relay must not send.
        case protocolViolation

        // Users and devices.
        /// The name is another's, and no device of that user has admitted this one.
        case nameTaken
        /// The relay wants a token for a new user.
        case admissionRequired
        /// The token or the admission is not valid, or its time is over.
        case admissionInvalid
        /// This device was revoked.
        case deviceRevoked
        /// The operator has suspended this user.
        case userSuspended
        /// There is no user of that name that can be found.
        case userUnknown
        /// It is the last device of the user.
        case lastDevice
        /// None of the user's devices can be added now: it has no KeyPackage left.
        case userUnavailable
        /// Somebody's key is not what the Authentication Service says, or is not the one that was verified.
        case keyNotTrusted

        // Groups.
        case groupUnknown
        /// This device is not in the group, or no longer.
        case notMember
        /// The user's role in the group does not have this right.
        case notAllowed
        case lastAdmin
        case userBanned
        /// An admin has to approve it.
        case approvalRequired
        case invitationUnknown
        case messageTooLarge
        /// What it is about is no longer so: done already, or undone by somebody else.
        case obsolete

        /// More than the relay grants.
        case limited
        /// The relay refused for another reason; `message` says which.
        case refused
    }

    public let code: Code
    /// A sentence for people.
    public let message: String
    /// How long to wait until a repetition has a chance, where that is known.
    public let retryAfter: Duration?

    public init(_ code: Code, _ message: String, retryAfter: Duration? = nil) {
        self.code = code
        self.message = message
        self.retryAfter = retryAfter
    }
}

extension RelayClientError: Hashable {
    public static func == (left: RelayClientError, right: RelayClientError) -> Bool { left.code == right.code }
    public func hash(into hasher: inout Hasher) { hasher.combine(code) }
}

extension RelayClientError: CustomStringConvertible {
    public var description: String { "\(code): \(message)" }
}
