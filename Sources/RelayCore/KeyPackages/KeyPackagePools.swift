import MLSCodec
public import RelayWire
import TLSPresentation

/// Whose KeyPackages how often were asked for.
enum KeyPackageFetch: Hashable, Sendable {
    case by(UserNumber)
    /// By the name: for a name that nobody has the same limit holds.
    case of([UInt8], by: UserNumber)
}

/// The KeyPackages of a client and suite are a pool: the first that came is the first that is handed out, once, and when
/// none is left the last-resort one. PROTOCOL.md section 7.5, RFC 9750 section 5.1.
///
/// A client may take its own. One whose lifetime is over leaves its pool when somebody comes across it, and the log says so.
extension Relay {
    // MARK: Fetching

    mutating func fetchKeyPackages(
        _ requests: [KeyPackageRequest], for recipient: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        let requester = try state.user(of: recipient)
        if let refusal = limitFetches(of: requests.map(\.name), by: requester, at: now) { return .refused(refusal) }
        var results: [KeyPackageResult] = []
        var room = WireLimits.maxFrameByteCount - 4096
        // One for all names: what it reads of the requester's groups it reads once.
        var finder = Finder(user: requester)
        for (index, request) in zip(UInt32(0)..., requests) {
            var found: [KeyPackageResult] = []
            switch try state.find(request.name, for: &finder) {
            case .nothing(.tooManyItems):
                found = [KeyPackageResult(error: .tooManyItems, client: .relay, message: [])]
            case .nothing: break
            case .user(let user):
                for owner in try state.clients(of: user) {
                    found.append(
                        try handOut(of: owner, anyOf: request.cipherSuites, to: recipient, room: &room, at: now))
                }
            }
            // The same answer for "no such name" and "nothing left": a fetch is no way to learn who is registered.
            if found.allSatisfy({ $0.error == .keyPackageUnavailable }) {
                found = [KeyPackageResult(error: .keyPackageUnavailable, client: .relay, message: [])]
            }
            for var result in found {
                result.request = index
                results.append(result)
            }
        }
        return .keyPackages(results)
    }

    /// RFC 9420 section 16.8. Counts what is asked for, if none of it is too often.
    /// - Parameter names: of users; one that is there twice is asked for twice.
    mutating func limitFetches(of names: [[UInt8]], by requester: UserNumber, at now: Timestamp) -> RelayError? {
        let inAll = RateLimit.perMinute(limits.keyPackageFetches)
        if let wait = fetches.wait(for: .by(requester), of: inAll, at: now) {
            return .rateLimited("key-package-fetches", "KeyPackages were fetched too often.", retryAfter: wait)
        }
        let ofOne = RateLimit.perMinute(limits.keyPackageFetchesPerUser)
        var counts: [[UInt8]: Int] = [:]
        // What is no name is nobody's.
        for name in names where name.count <= WireLimits.maxNameByteCount { counts[name, default: 0] += 1 }
        if ofOne.count > 0, counts.values.contains(where: { $0 > ofOne.count }) {
            return .rateLimited("key-package-fetches-per-user", "One user is named too often.", retryAfter: 0)
        }
        for (name, count) in counts {
            guard let wait = fetches.wait(for: .of(name, by: requester), count, of: ofOne, at: now) else { continue }
            return .rateLimited(
                "key-package-fetches-per-user", "KeyPackages of one user were fetched too often.", retryAfter: wait)
        }
        fetches.take(for: .by(requester), of: inAll, at: now)
        for (name, count) in counts { fetches.take(count, for: .of(name, by: requester), of: ofOne, at: now) }
        return nil
    }

    /// One KeyPackage of a client, of the first of the suites of which it has any.
    private mutating func handOut(
        of owner: ClientNumber, anyOf cipherSuites: [CipherSuite], to recipient: ClientNumber, room: inout Int,
        at now: Timestamp
    ) throws(State.Failure) -> KeyPackageResult {
        for suite in cipherSuites {
            guard let next = try nextKeyPackage(of: owner, suite, at: now) else { continue }
            let message = try message(of: next)
            guard message.count + Self.resultByteCount <= room else {
                return KeyPackageResult(error: .tooManyItems, client: owner, message: [])
            }
            room -= message.count + Self.resultByteCount
            if !next.isLastResort { try state.remove(next) }
            try tellHandedOut(next, to: recipient, at: now)
            if !next.isLastResort { try tellIfLow(owner, suite, removed: 1, at: now) }
            return KeyPackageResult(error: .none, client: owner, message: message)
        }
        return KeyPackageResult(error: .keyPackageUnavailable, client: owner, message: [])
    }

    /// What a result has beside its message, at most.
    static var resultByteCount: Int { 24 }

    /// The published MLSMessage.
    func message(of keyPackage: PooledKeyPackage) throws(State.Failure) -> [UInt8] {
        try state.entry(keyPackage.sequenceNumber, in: try existing(.keyPackages(of: keyPackage.client))).payload
    }

    /// What is handed out next. Those before it whose lifetime is over are then no longer there.
    mutating func nextKeyPackage(
        of client: ClientNumber, _ suite: CipherSuite, at now: Timestamp
    ) throws(State.Failure) -> PooledKeyPackage? {
        for isLastResort in [false, true] {
            var expired = 0
            var next: PooledKeyPackage?
            while let first = try state.pool(of: client, suite, isLastResort: isLastResort, atMost: 1).first {
                guard first.isExpired(at: now) else {
                    next = first
                    break
                }
                try withdraw(first, at: now)
                expired += 1
            }
            if !isLastResort { try tellIfLow(client, suite, removed: expired, at: now) }
            if let next { return next }
        }
        return nil
    }

    // MARK: Telling the owner

    mutating func tellHandedOut(
        _ keyPackage: PooledKeyPackage, to recipient: ClientNumber, at now: Timestamp
    ) throws(State.Failure) {
        let client = keyPackage.client
        let number = keyPackage.sequenceNumber
        let notice = KeyPackageNotice(sequenceNumber: number, recipient: recipient)
        try notify(notice.encoded, kind: .keyPackageHandedOut, in: .keyPackages(of: client), at: now)
        guard keyPackage.isLastResort else { return }
        // RFC 9750 section 5.1: it should be replaced as soon as possible, so its owner has to know.
        let use = LastResortNotice(
            cipherSuite: keyPackage.cipherSuite, sequenceNumber: number, recipient: recipient)
        try notify(use.encoded, kind: .lastResortUsed, in: .inbox(of: client), at: now)
    }

    /// Tells a client that few are left: when they become that few, and when none is left.
    /// - Parameter removed: how many are gone since they were last looked at.
    mutating func tellIfLow(
        _ client: ClientNumber, _ suite: CipherSuite, removed: Int, at now: Timestamp
    ) throws(State.Failure) {
        guard removed > 0 else { return }
        let few = limits.keyPackageLowWater
        let left = try state.pool(of: client, suite, isLastResort: false, atMost: few + 1).count
        guard left == 0 || left <= few && left + removed > few else { return }
        let notice = LowPoolNotice(cipherSuite: suite, count: UInt32(left))
        try notify(notice.encoded, kind: .poolLow, in: .inbox(of: client), at: now)
    }

    // MARK: Publishing

    /// Why a KeyPackage is not taken from its client, apart from the room in its pool.
    func refusal(
        of keyPackage: PublishedKeyPackage, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> RelayError? {
        // Its loop has seen to both; the key may have been rotated since.
        guard let identity = try state.identity(of: client), identity.signatureKey == keyPackage.signatureKey else {
            return .keyPackageInvalid(.signatureKey)
        }
        return keyPackage.notAfter <= now ? .keyPackageInvalid(.notAfter) : nil
    }

    /// How many KeyPackages of a pool can be handed out once.
    func keyPackageCount(
        of client: ClientNumber, _ suite: CipherSuite, at now: Timestamp
    ) throws(State.Failure) -> Int {
        try state.pool(of: client, suite, isLastResort: false, atMost: .max).count { !$0.isExpired(at: now) }
    }

    /// Puts a KeyPackage into its pool; a last-resort one takes the place of the one before.
    mutating func addKeyPackage(
        _ keyPackage: PublishedKeyPackage, of client: ClientNumber, at number: SequenceNumber, _ now: Timestamp
    ) throws(State.Failure) {
        let suite = keyPackage.cipherSuite
        if keyPackage.isLastResort {
            for earlier in try state.pool(of: client, suite, isLastResort: true, atMost: .max) {
                try state.remove(earlier)
            }
        } else {
            for old in try state.pool(of: client, suite, isLastResort: false, atMost: .max)
            where old.isExpired(at: now) { try withdraw(old, at: now) }
        }
        try state.setKeyPackage(
            KeyPackagePosition(client: client, sequenceNumber: number), reference: keyPackage.reference)
        try state.insert(
            PooledKeyPackage(
                client: client, cipherSuite: suite, isLastResort: keyPackage.isLastResort, sequenceNumber: number,
                notAfter: keyPackage.notAfter, reference: keyPackage.reference))
    }

    // MARK: Withdrawing

    /// Takes a KeyPackage that nobody should use any more out of its pool.
    mutating func withdraw(_ keyPackage: PooledKeyPackage, at now: Timestamp) throws(State.Failure) {
        try state.remove(keyPackage)
        try tellExpired(keyPackage, at: now)
    }

    mutating func tellExpired(_ keyPackage: PooledKeyPackage, at now: Timestamp) throws(State.Failure) {
        let notice = KeyPackageExpiryNotice(sequenceNumber: keyPackage.sequenceNumber)
        try notify(notice.encoded, kind: .keyPackageExpired, in: .keyPackages(of: keyPackage.client), at: now)
    }

    /// Takes back all KeyPackages of a client that nobody has yet, reserved ones too: its key is no longer its own, or
    /// the client is revoked. RFC 9750 section 5.1 recommends to replace KeyPackages when the signature key changes.
    public mutating func withdrawKeyPackages(of client: ClientNumber, at now: Timestamp) throws(State.Failure) {
        for keyPackage in try state.keyPackages(of: client) { try withdraw(keyPackage, at: now) }
        for key in try state.keys(Tables.reservations, prefix: client.recordKey) {
            let reservation = try state.existing(Tables.reservations, key)
            try state.remove(Tables.reservations, key)
            try tellExpired(reservation.keyPackage, at: now)
            var invitation = try state.existing(Tables.invitations, reservation.invitation)
            invitation.reserved.removeAll { $0.client == client }
            try state.set(Tables.invitations, reservation.invitation, invitation)
        }
    }
}

extension RecordReading where Self: ~Copyable {
    /// The user of a name, where `finder` may find it: hidden users are found by those with whom they share a group.
    public func user(named name: [UInt8], foundBy finder: UserNumber) throws(Failure) -> UserNumber? {
        try user(named: name, visibleToUser: finder)
    }
}
