import MLSCodec
import MLSCrypto
import RelayCore
import RelayWire
import TLSPresentation

extension EntryKind {
    /// What the relay tells a client in its inbox. PROTOCOL.md section 6.3.
    static let ofInboxes: [EntryKind] = [
        .clientRevoked, .groupDeleted, .invitation, .invitationAnswer, .removed, .groupEmpty, .welcomeVoided, .poolLow,
        .lastResortUsed, .credentialExpiring,
    ]
}

/// Logs of KeyPackages, and the pools and reservations that follow from them.
extension StoreVerifier {
    // MARK: Entries

    func verifyKeyPackage(
        _ entry: Entry, _ number: SequenceNumber, _ walk: inout LogWalk, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        guard let package = keyPackage(entry.payload) else { return }
        walk.packages[number] = LogWalk.Package(
            cipherSuite: package.cipherSuite, isLastResort: package.isLastResort, notAfter: package.notAfter)
        guard let reference = package.reference else {
            report(
                Finding(
                    .malformedPayload, .entries, log: walk.log, at: number, expected: "a suite that is known",
                    found: "\(package.cipherSuite)"))
            return
        }
        let expected = walk.name.client.map { KeyPackagePosition(client: $0, sequenceNumber: number) }
        switch try row({ () throws(StoreError) in try snapshot.keyPackage(reference) }) {
        case .undecodable: break
        case .missing:
            report(
                Finding(
                    .missing, .keyPackageRefs, log: walk.log, at: number, row: reference.hex,
                    expected: "entry \(number)",
                    found: "none"))
        case .found(let position):
            guard position != expected else { break }
            report(
                Finding(
                    .contradiction, .keyPackageRefs, log: walk.log, at: number, row: reference.hex,
                    expected: "entry \(number)",
                    found: "entry \(position.sequenceNumber) of client \(position.client)"))
        }
    }

    func verifyKeyPackageNotice(
        _ entry: Entry, _ number: SequenceNumber, _ walk: inout LogWalk, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        guard let notice = notice(KeyPackageNotice.self, entry, number, walk.log) else { return }
        func report(expected: String, found: String) {
            self.report(Finding(.handedOut, .entries, log: walk.log, at: number, expected: expected, found: found))
        }
        guard var package = walk.packages[notice.sequenceNumber] else {
            report(expected: "a KeyPackage that was published before", found: "entry \(notice.sequenceNumber)")
            return
        }
        package.timesHandedOut += 1
        if !package.isLastResort, package.timesHandedOut > 1 {
            report(expected: "a KeyPackage once", found: "entry \(notice.sequenceNumber) once more")
        } else if package.isWithdrawn, !package.isLastResort {
            report(expected: "a KeyPackage that can be used", found: "entry \(notice.sequenceNumber), withdrawn")
        }
        package.reservedFor = nil
        walk.packages[notice.sequenceNumber] = package
        if try !isClient(notice.recipient, in: snapshot) {
            report(expected: "a client as the recipient", found: "client \(notice.recipient)")
        }
    }

    /// A KeyPackage is kept for one invitation at a time, and is given back by the same.
    func verifyReservation(_ entry: Entry, _ number: SequenceNumber, _ walk: inout LogWalk) {
        guard let notice = notice(ReservationNotice.self, entry, number, walk.log) else { return }
        let isReserved = entry.header.kind == .keyPackageReserved
        let place = notice.sequenceNumber
        if var package = walk.packages[place], isReserved ? package.isFree : package.reservedFor == notice.invitation {
            package.reservedFor = isReserved ? notice.invitation : nil
            walk.packages[place] = package
            return
        }
        report(
            Finding(
                .handedOut, .entries, log: walk.log, at: number,
                expected: isReserved ? "a KeyPackage in its pool" : "one kept for invitation \(notice.invitation)",
                found: "entry \(place)"))
    }

    func verifyExpiry(_ entry: Entry, _ number: SequenceNumber, _ walk: inout LogWalk) {
        guard let notice = notice(KeyPackageExpiryNotice.self, entry, number, walk.log) else { return }
        let place = notice.sequenceNumber
        if var package = walk.packages[place], package.isFree || package.reservedFor != nil {
            package.isWithdrawn = true
            package.reservedFor = nil
            walk.packages[place] = package
            return
        }
        report(
            Finding(
                .handedOut, .entries, log: walk.log, at: number, expected: "a KeyPackage that nobody has",
                found: "entry \(place)"))
    }

    /// Only whether it is what its kind says.
    func verifyInboxNotice(_ entry: Entry, _ number: SequenceNumber, _ walk: LogWalk) {
        switch entry.header.kind {
        case .invitation: _ = notice(InvitationNotice.self, entry, number, walk.log)
        case .invitationAnswer: _ = notice(InvitationAnswerNotice.self, entry, number, walk.log)
        case .removed: _ = notice(RemovalNotice.self, entry, number, walk.log)
        case .groupEmpty: _ = notice(EmptyNotice.self, entry, number, walk.log)
        case .groupDeleted: _ = notice(DeletionNotice.self, entry, number, walk.log)
        case .welcomeVoided: _ = notice(VoidedWelcomeNotice.self, entry, number, walk.log)
        case .poolLow: _ = notice(LowPoolNotice.self, entry, number, walk.log)
        case .lastResortUsed: _ = notice(LastResortNotice.self, entry, number, walk.log)
        default: break
        }
    }

    // MARK: Finishing

    /// What is in the pools is what the log leaves to be handed out.
    func finishKeyPackages(_ walk: LogWalk, in snapshot: borrowing Snapshot) throws(StoreError) {
        guard let client = walk.name.client else { return }
        // The last-resort KeyPackage of a suite is the last one published.
        var lastResorts: [CipherSuite: SequenceNumber] = [:]
        for (number, package) in walk.packages where package.isLastResort {
            lastResorts[package.cipherSuite] = max(number, lastResorts[package.cipherSuite] ?? .zero)
        }
        var due = Set(lastResorts.values).filter { walk.packages[$0]?.isWithdrawn == false }
        for (number, package) in walk.packages where !package.isLastResort && package.isFree { due.insert(number) }
        // Rows that do not decode are found with the table; what they would have said cannot be known here.
        let pools = try row { () throws(StoreError) in
            try snapshot.forEachKeyPackage(of: client) { (pooled) throws(StoreError) in
                try verify(pooled, walk, lastResorts: lastResorts, in: snapshot)
                due.remove(pooled.sequenceNumber)
                return true
            }
        }
        try finishReservations(walk, of: client, in: snapshot)
        guard case .found = pools else { return }
        for number in due.sorted() {
            report(
                Finding(
                    .missing, .keyPackages, log: walk.log, at: number, row: "client \(client)",
                    expected: "a KeyPackage that can be handed out", found: "none"))
        }
    }

    private func verify(
        _ pooled: PooledKeyPackage, _ walk: LogWalk, lastResorts: [CipherSuite: SequenceNumber],
        in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        let number = pooled.sequenceNumber
        func report(_ problem: Finding.Problem, expected: String, found: String) {
            self.report(
                Finding(
                    problem, .keyPackages, log: walk.log, at: number, row: "\(pooled)", expected: expected, found: found
                ))
        }
        guard let package = walk.packages[number] else {
            report(.stray, expected: "a KeyPackage", found: "none")
            return
        }
        if package.cipherSuite != pooled.cipherSuite || package.isLastResort != pooled.isLastResort {
            let found = "\(pooled.cipherSuite)\(pooled.isLastResort ? ", last resort" : "")"
            let expected = "\(package.cipherSuite)\(package.isLastResort ? ", last resort" : "")"
            report(.contradiction, expected: expected, found: found)
        }
        if package.isLastResort ? package.isWithdrawn : !package.isFree {
            report(.handedOut, expected: "not in the pool any more", found: "in the pool")
        }
        if package.notAfter != pooled.notAfter {
            report(.contradiction, expected: "good until \(package.notAfter)", found: "until \(pooled.notAfter)")
        }
        if package.isLastResort, let last = lastResorts[package.cipherSuite], last != number {
            report(.stray, expected: "entry \(last) as the last resort", found: "entry \(number)")
        }
        // An entry that does not decode was found in the log.
        guard let entry = try row({ () throws(StoreError) in try snapshot.entry(number, in: walk.log) }).value else {
            return
        }
        let reference = keyPackage(entry.payload)?.reference
        if reference != pooled.reference {
            report(.contradiction, expected: "reference \(reference?.hex ?? "none")", found: pooled.reference.hex)
        }
    }

    /// What invitations keep is what the log says that they keep.
    private func finishReservations(
        _ walk: LogWalk, of client: ClientNumber, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        var due = walk.packages.compactMapValues(\.reservedFor)
        let rows = try row { () throws(StoreError) in
            try snapshot.forEach(Tables.reservations, prefix: client.recordKey) { (key, record) throws(StoreError) in
                let kept = record.keyPackage
                let package = walk.packages[key.second]
                let isRight =
                    due.removeValue(forKey: key.second) == record.invitation && kept.client == client
                    && kept.sequenceNumber == key.second && kept.cipherSuite == package?.cipherSuite
                    && kept.notAfter == package?.notAfter && !kept.isLastResort
                let invitation = try row { () throws(StoreError) in
                    try snapshot.get(Tables.invitations, record.invitation)
                }
                let isOpen = invitation.value.map(\.state.isOpen) ?? !invitation.isMissing
                if !isRight || !isOpen {
                    report(
                        Finding(
                            .stray, .reservations, log: walk.log, at: key.second, row: "client \(client)",
                            expected: "a KeyPackage that the log and an open invitation say is kept",
                            found: "invitation \(record.invitation)"))
                }
                return true
            }
        }
        guard case .found = rows else { return }
        for (number, invitation) in due.sorted(by: { $0.key < $1.key }) {
            report(
                Finding(
                    .missing, .reservations, log: walk.log, at: number, row: "client \(client)",
                    expected: "kept for invitation \(invitation)", found: "none"))
        }
    }

    // MARK: MLS

    struct StoredKeyPackage {
        var cipherSuite: CipherSuite
        var isLastResort: Bool
        var notAfter: Timestamp
        /// Nil where the suite is not known, so that it has no hash.
        var reference: [UInt8]?
    }

    /// What an MLSMessage with a KeyPackage says; nil where it is something else.
    func keyPackage(_ message: [UInt8]) -> StoredKeyPackage? {
        guard case .keyPackage(let route)? = envelope(message)?.payload else { return nil }
        let bytes = message.rawSpan.extracting(route.keyPackage)
        return StoredKeyPackage(
            cipherSuite: route.cipherSuite, isLastResort: route.isLastResort,
            notAfter: Timestamp(seconds: route.lifetime?.notAfter ?? 0),
            reference: try? keyPackageRef(of: bytes, suite: route.cipherSuite))
    }
}

extension LogWalk.Package {
    /// Nobody has it, nobody keeps it, and it can be used: for all but last resorts that means that it is in its pool.
    var isFree: Bool { timesHandedOut == 0 && reservedFor == nil && !isWithdrawn || isLastResort && !isWithdrawn }
}
