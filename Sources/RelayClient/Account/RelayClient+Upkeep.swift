import ClientStore
import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import RelayConnection
import RelayWire
import TLSPresentation

/// Whether somebody sees to credential and KeyPackages now: one at a time, and once more where something came meanwhile.
struct Upkeep {
    var isRunning = false
    var isWanted = false
}

/// What a device does so that others can add it to groups: a credential that holds, and KeyPackages that nobody has used.
extension RelayClient {
    /// Renews the credential and refills the KeyPackages where that is due: after a notice, or from time to time.
    /// - Parameter now: in seconds since 1970.
    func maintain(at now: UInt64 = ValidationPolicy.systemClock()) async {
        do {
            try await keepUp(at: now)
        } catch {
            tell(.problem(RelayClientError(error)))
        }
    }

    /// As `maintain`, for who wants to know whether it came about. Where it is under way already, that one goes on for it.
    func keepUp(at now: UInt64 = ValidationPolicy.systemClock()) async throws {
        guard !upkeep.isRunning else {
            upkeep.isWanted = true
            return
        }
        upkeep.isRunning = true
        defer { upkeep.isRunning = false }
        repeat {
            upkeep.isWanted = false
            try await renewCredential(at: now)
            try await refillKeyPackages(at: now)
        } while upkeep.isWanted
    }

    // MARK: The credential

    private func renewCredential(at now: UInt64) async throws {
        guard account.shouldRenewCredential(at: now) else { return }
        let answer = try await usableConnection()
            .ask(IssueCredential(), for: CredentialAnswer.self, isRepeatable: true)
        try updateAccount { try $0.adopt(answer, at: now) }
        // It comes into this device's leaf with new keys.
        for runtime in runtimes.values { renewKeysIfDue(runtime) }
    }

    // MARK: KeyPackages

    /// KeyPackages in one Publish, far from what a frame may have.
    private static let maxKeyPackagesPerPublish = 16

    /// How far a KeyPackage's lifetime begins in the past, in seconds: others' clocks may be behind.
    private static let clockSkew: UInt64 = 3600

    private func refillKeyPackages(at now: UInt64) async throws {
        let connection = try usableConnection()
        // Before anything is counted, so that a notice that comes from here on is not forgotten.
        try updateAccount { $0.needsKeyPackages = false }
        do {
            let counts = try await connection.countKeyPackages()
            let none = KeyPackageCount(cipherSuite: Account.suite, count: 0, hasLastResort: false)
            let count = counts.first { $0.cipherSuite == Account.suite } ?? none
            let (lastResort, pool) = try store.write { try prepareKeyPackages(count, at: now, in: $0) }
            // By itself, so that a full pool is no reason against it, and first: it is what matters most.
            try await publish(lastResort, at: now, on: connection)
            try await publish(pool, at: now, on: connection)
        } catch {
            try updateAccount { $0.needsKeyPackages = true }
            throw error
        }
    }

    /// Makes what is missing, and stores it before anybody else learns of it.
    /// - Returns: what is to be published.
    private func prepareKeyPackages(
        _ count: KeyPackageCount, at now: UInt64, in transaction: StoreTransaction
    ) throws -> (lastResort: [[UInt8]], pool: [[UInt8]]) {
        let lifetime = try keyPackageLifetime(at: now)
        let plan = KeyPackagePlan(
            try transaction.keyPackageStates(), count: count, wanted: configuration.keyPackageCount,
            lifetime: lifetime.notAfter - now, lastResortUsed: account.lastResortUsed, at: now)
        for reference in plan.delete { try transaction.delete(Tables.keyPackages, reference) }
        for reference in plan.retire { try transaction.retireKeyPackage(reference, at: now) }
        let lastResorts = try makeKeyPackages(
            plan.needsLastResort ? 1 : 0, isLastResort: true, lifetime, at: now, in: transaction)
        let pool = try makeKeyPackages(plan.newCount, isLastResort: false, lifetime, at: now, in: transaction)
        return ((plan.publishLastResort.map { [$0] } ?? []) + lastResorts, plan.publish + pool)
    }

    private func makeKeyPackages(
        _ count: Int, isLastResort: Bool, _ lifetime: Lifetime, at now: UInt64, in transaction: StoreTransaction
    ) throws -> [[UInt8]] {
        let configuration = try account.groupConfiguration(self.configuration, at: now)
        let identity = try account.identity(self.identity.signingKey)
        return try (0..<count).map { _ in
            let secrets = try KeyPackageSecrets(
                suite: Account.suite, identity: identity, lifetime: lifetime, isLastResort: isLastResort,
                configuration: configuration)
            let state = KeyPackageRecord.State(notAfter: lifetime.notAfter, isLastResort: isLastResort)
            try transaction.put(try KeyPackageRecord(state, secrets), secrets.ref)
            return secrets.ref
        }
    }

    /// No longer than the credential in it is valid.
    private func keyPackageLifetime(at now: UInt64) throws -> Lifetime {
        let wanted = now + UInt64(max(0, configuration.keyPackageLifetime.components.seconds))
        let end = account.credentialNotAfter.rawValue / 1000
        let notAfter = end == 0 ? wanted : min(wanted, end)
        guard notAfter > now else { throw RelayClientError(.refused, "this device's credential is over") }
        return Lifetime(notBefore: now - min(now, Self.clockSkew), notAfter: notAfter)
    }

    /// Publishes as many as the relay has room for; the rest waits for the next time.
    private func publish(_ references: [[UInt8]], at now: UInt64, on connection: RelayConnection) async throws {
        var rest = references[...]
        var chunkCount = Self.maxKeyPackagesPerPublish
        while !rest.isEmpty, chunkCount > 0 {
            let chunk = Array(rest.prefix(chunkCount))
            let messages = try store.read { transaction in
                try chunk.map { try transaction.keyPackageMessage($0) }
            }
            do {
                try didPublish(chunk, try await connection.publish(messages), at: now)
                rest = rest.dropFirst(chunk.count)
            } catch let error as RelayConnectionError where error.code == .relay(.keyPackagePoolFull) {
                // All of them or none: perhaps there is room for some.
                chunkCount = chunk.count / 2
            } catch let error as RelayConnectionError where error.code == .relay(.keyPackageInvalid) {
                try didRefuse(chunk, error, at: now)
                throw error
            }
        }
    }

    private func didPublish(_ references: [[UInt8]], _ receipts: [Receipt], at now: UInt64) throws {
        try store.write { transaction in
            for (index, reference) in references.enumerated() {
                guard let receipt = receipts.first(where: { $0.message == UInt32(index) }) else {
                    throw RelayClientError(.protocolViolation, "a KeyPackage was published without a receipt")
                }
                try transaction.didPublishKeyPackage(reference, receipt.sequenceNumber, at: now)
            }
        }
    }

    /// The relay will not have these: others are made the next time, with another credential where it was that.
    private func didRefuse(_ references: [[UInt8]], _ error: RelayConnectionError, at now: UInt64) throws {
        try store.write { transaction in
            for reference in references { try transaction.retireKeyPackage(reference, at: now) }
        }
        let rule = error.ruleDetail.map { String(decoding: $0.rule, as: UTF8.self) }
        if rule == ValidationRule.credential.rawValue { try updateAccount { $0.needsCredential = true } }
    }
}
