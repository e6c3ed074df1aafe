import ClientStore
import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import RelayConnection
import RelayCredentials
import RelayWire
import TLSPresentation

/// A KeyPackage of somebody, verified: it is that user's, and of the device that the relay says.
struct FetchedKeyPackage: Hashable {
    let client: ClientNumber
    let user: String
    /// Empty where nobody says.
    let device: String
    let keyPackage: KeyPackage

    var signatureKey: [UInt8] { keyPackage.leafNode.signatureKey }
}

/// A user with all devices that can be added now.
struct FetchedUser: Hashable {
    let name: String
    /// At least one.
    let keyPackages: [FetchedKeyPackage]
    /// Devices that have no KeyPackage left.
    let unavailable: [ClientNumber]
}

/// KeyPackages of others. RFC 9750 section 5.1; nothing that the relay hands out is taken for what it says.
extension RelayClient {
    /// Takes one KeyPackage of each device of these users, this device aside.
    ///
    /// - Throws: `keyNotTrusted` where one is not that user's, whoever's fault that is: the caller reports it
    ///   (`IntegrityWarning.keySubstituted`); `userUnknown`, before any is taken; `userUnavailable`.
    func fetchKeyPackages(
        of users: [String], at now: UInt64 = ValidationPolicy.systemClock()
    ) async throws -> [FetchedUser] {
        let connection = try usableConnection()
        try await resolve(clientsOf: users)
        var fetched: [FetchedUser] = []
        var rest = users[...]
        while !rest.isEmpty {
            let names = Array(rest.prefix(WireLimits.maxKeyPackageRequests))
            rest = rest.dropFirst(names.count)
            let results = try await connection.fetchKeyPackages(
                names.map { KeyPackageRequest(name: Array($0.utf8), cipherSuite: Account.suite) })
            let byRequest = Dictionary(grouping: results) { Int($0.request) }
            for (index, name) in names.enumerated() {
                fetched.append(try verified(byRequest[index] ?? [], of: name, at: now))
            }
        }
        return fetched
    }

    /// Verifies KeyPackages of a user that the relay gave by another way: those of somebody who was invited.
    /// - Throws: as `fetchKeyPackages`.
    func verify(
        _ results: [KeyPackageResult], of user: String, at now: UInt64 = ValidationPolicy.systemClock()
    ) async throws -> FetchedUser {
        try await resolve(clientsOf: [user])
        return try verified(results, of: user, at: now)
    }

    private func verified(_ results: [KeyPackageResult], of user: String, at now: UInt64) throws -> FetchedUser {
        var keyPackages: [FetchedKeyPackage] = []
        var unavailable: [ClientNumber] = []
        for result in results where result.client != account.clientNumber {
            switch result.error {
            case .none: keyPackages.append(try verified(result, of: user, at: now))
            case .keyPackageUnavailable: if result.client != .relay { unavailable.append(result.client) }
            default: throw RelayClientError(RelayError(result.error, "a KeyPackage of \(user)"))
            }
        }
        // A user whose only device asks has nobody else to add.
        guard !keyPackages.isEmpty || user == identity.user else {
            throw RelayClientError(.userUnavailable, "none of \(user)'s devices can be added now")
        }
        return FetchedUser(name: user, keyPackages: keyPackages, unavailable: unavailable)
    }

    private func verified(
        _ result: KeyPackageResult, of user: String, at now: UInt64
    ) throws -> FetchedKeyPackage {
        let check = KeyPackageCheck(
            user: user, verifier: try account.strictVerifier(),
            policy: try account.groupConfiguration(configuration, at: now).policy, now: now)
        let known = try client(result.client)
        let fetched = try check.verified(result, known: known)
        try store.write { transaction in
            guard
                try !transaction.contradictsVerified(
                    user: user, device: fetched.device, signatureKey: fetched.signatureKey)
            else {
                throw RelayClientError(
                    .keyNotTrusted, "\(user)'s device \(fetched.device) has another key than the one that was verified")
            }
            try transaction.observe(user: user, device: fetched.device, signatureKey: fetched.signatureKey)
        }
        return fetched
    }
}

/// Whether a KeyPackage that the relay gave for a user is that user's. S3-8.
struct KeyPackageCheck {
    let user: String
    let verifier: CredentialVerifier
    let policy: ValidationPolicy
    /// In seconds since 1970.
    let now: UInt64

    /// - Parameter known: what the directory says of the client.
    /// - Throws: `keyNotTrusted`; `userUnavailable` where it is only too late for it, which clocks explain.
    func verified(
        _ result: KeyPackageResult, known: KnownClient?
    ) throws(RelayClientError) -> FetchedKeyPackage {
        guard case .keyPackage(let keyPackage)? = try? MLSMessage(decoding: result.message) else {
            // Whatever is wrong with the bytes: nobody published them.
            throw refusal("the relay gave something else")
        }
        guard keyPackage.cipherSuite == Account.suite else { throw refusal("it is of a suite that was not asked for") }
        let subject = try subject(of: keyPackage.leafNode)
        guard subject.userName == Array(user.utf8) else { throw refusal("its credential is another user's") }
        try validate(keyPackage)
        guard let known, known.user == user else { throw refusal("the relay's directory has no such device") }
        guard known.signatureKey == keyPackage.leafNode.signatureKey else {
            throw refusal("its key is not the one in the relay's directory")
        }
        let isNamed = keyPackage.leafNode.credential.credentialType == .x509
        let device = isNamed ? String(decoding: subject.clientName, as: UTF8.self) : known.device
        guard device == known.device else { throw refusal("its credential is another device's") }
        return FetchedKeyPackage(client: result.client, user: user, device: device, keyPackage: keyPackage)
    }

    private func subject(of leaf: LeafNode) throws(RelayClientError) -> CredentialSubject {
        do throws(CredentialError) {
            let credential = try verifier.verify(
                leaf.credential, signatureKey: leaf.signatureKey, scheme: Account.signatureScheme, at: now)
            return credential.subject
        } catch {
            switch error {
            case .expired, .notYetValid: throw late("its credential is not valid now")
            default: throw refusal("its credential does not hold: \(error)")
            }
        }
    }

    private func validate(_ keyPackage: KeyPackage) throws(RelayClientError) {
        do throws(GroupError) {
            try keyPackage.validate(policy: policy)
        } catch {
            if case .refused(.lifetime) = error { throw late("its lifetime is not now") }
            throw refusal("\(error)")
        }
    }

    private func refusal(_ reason: String) -> RelayClientError {
        RelayClientError(.keyNotTrusted, "the relay gave a KeyPackage that is not \(user)'s: \(reason)")
    }

    private func late(_ reason: String) -> RelayClientError {
        RelayClientError(.userUnavailable, "a KeyPackage of \(user) cannot be used: \(reason)")
    }
}
