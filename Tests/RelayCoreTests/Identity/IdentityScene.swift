import MLSCrypto
import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

extension TestRelay {
    /// A relay of these rules, in which "root" is an operator.
    convenience init(
        _ kind: StateKind, in directory: TemporaryDirectory, _ registration: RegistrationRule,
        limits: CoreLimits = .init()
    ) throws {
        var rules = RelayRules()
        rules.registration = registration
        rules.operators = [Array("root".utf8)]
        try self.init(kind, in: directory, limits: limits, rules: rules)
    }

    /// The operator changes the rule.
    func set(_ registration: RegistrationRule) throws {
        var rules = rules
        rules.registration = registration
        try reopen(rules: rules)
    }

    func register(_ registration: Registration) throws -> ClientNumber {
        guard case .registered(let client) = try perform(.other(.register(registration))).outcome else {
            preconditionFailure("a registration is carried out or refused")
        }
        return client
    }

    /// Registers another client of a user, which one that it has admits: the signature is the loop's to verify.
    func admit(
        _ name: String, key: UInt8, clientName: String, by client: ClientNumber, notAfter: Timestamp? = nil,
        _ change: (inout Registration) -> Void = { _ in }
    ) throws -> ClientNumber {
        let admission = Admission.client(
            client, notAfter: notAfter ?? Timestamp(rawValue: now.rawValue + 1000), signature: [1])
        var registration = Registration(
            .test(name, key: key), clientName: Array(clientName.utf8), admission: admission,
            verifiedWith: try state.identity(of: client))
        change(&registration)
        return try register(registration)
    }

    @discardableResult
    func perform(_ action: IdentityAction, by client: ClientNumber) throws -> EncodedFrame {
        guard case .answered(let frame) = try perform(.other(.identity(action)), by: client).outcome else {
            preconditionFailure("answered or refused")
        }
        return frame
    }

    @discardableResult
    func administer(
        _ action: Administer.Action, token: [UInt8] = [], by client: ClientNumber
    ) throws -> Administered {
        guard case .answered(let frame) = try perform(.other(.administer(action, token: token)), by: client).outcome
        else { preconditionFailure("answered or refused") }
        return try frame.decoded()
    }

    func rotate(_ client: ClientNumber, to key: UInt8) throws {
        guard let old = try state.identity(of: client) else { preconditionFailure("the client is registered") }
        let new = Identity.test(String(decoding: old.name, as: UTF8.self), key: key)
        try perform(
            .rotate(KeyRotation(old: old, new: new, signatureByOld: [1], signatureByNew: [2])), by: client)
    }

    func revoke(_ client: ClientNumber, _ reason: RevocationReason = .lost, by revoking: ClientNumber) throws {
        try perform(.revoke(RevokeClient(client: client, reason: reason)), by: revoking)
    }

    func certify(_ client: ClientNumber, from notBefore: UInt64, to notAfter: UInt64) throws -> CredentialAnswer {
        guard let identity = try state.identity(of: client) else { preconditionFailure("the client is registered") }
        let certified = CertifiedKey(
            identity: identity, credential: [1, 2, 3], serial: [9], notBefore: Timestamp(rawValue: notBefore),
            notAfter: Timestamp(rawValue: notAfter), certificateHash: SHA256.hash([1]))
        return try perform(.credential(certified), by: client).decoded()
    }

    func lookUp(_ names: String..., for client: ClientNumber) throws -> [UserResult] {
        try state.lookUp(names.map { Array($0.utf8) }, for: client).get().decoded(as: Users.self).users
    }

    func search(_ prefix: String = "", after: String = "", limit: UInt16 = 0) throws -> [String] {
        let request = SearchUsers(prefix: Array(prefix.utf8), after: Array(after.utf8), limit: limit)
        return try state.search(request).decoded(as: UserNames.self).names.map { String(decoding: $0, as: UTF8.self) }
    }
}
