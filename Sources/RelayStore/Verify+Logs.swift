import MLSCodec
import MLSCrypto
import RelayCore
import RelayWire
import TLSPresentation

/// What the verification of one log carries from one transaction to the next.
struct LogWalk {
    let log: LogNumber
    let name: LogName
    /// The entry that is due; nil before the first transaction.
    var due: SequenceNumber?
    /// What the chain hash before `due` may be; nothing where that is not known. Two where an entry's own was wrong:
    /// what it should be and what is stored, because damage of an entry is no damage of the next.
    var chains: [SHA256Digest]
    var time = Timestamp(rawValue: 0)
    /// Whether `time` is that of the last entry, as far as the chain can vouch for it.
    var isTimeKnown = false
    /// Of a group: the epoch after the commits so far; nil where it is not known.
    var epoch: Epoch?
    /// Bytes of messages so far; nil where retention may have gone over them since they were seen.
    var messageByteCount: Int? = 0
    /// Of a group: the commits that stand, by the epoch that each ended.
    var commits: [Epoch: SequenceNumber] = [:]
    /// Of a log of KeyPackages: those that it has.
    var packages: [SequenceNumber: Package] = [:]

    struct Package {
        var cipherSuite: CipherSuite
        var isLastResort: Bool
        var notAfter: Timestamp
        var timesHandedOut = 0
        /// The invitation that keeps it.
        var reservedFor: InvitationNumber?
        /// Its lifetime is over, or nobody should use it for another reason.
        var isWithdrawn = false
    }
}

extension StoreVerifier {
    /// One log: its entries, and everything that follows from them.
    func verifyLog(_ log: LogNumber) throws(StoreError) {
        let named = try read { (snapshot) throws(StoreError) in
            try row { () throws(StoreError) in try snapshot.name(of: log) }
        }
        guard let name = named.value else { return }
        let epoch = name.kind == .group ? creationEpochs[log] ?? Epoch(rawValue: 0) : nil
        var walk = LogWalk(log: log, name: name, chains: [chain.start(of: name)], epoch: epoch)
        var isFinished = false
        while !isFinished {
            isFinished = try read { (snapshot) throws(StoreError) in try goOn(&walk, in: snapshot) }
            showProgress()
        }
    }

    /// Walks on in one transaction; true when the log is finished.
    private func goOn(_ walk: inout LogWalk, in snapshot: borrowing Snapshot) throws(StoreError) -> Bool {
        let log = walk.log
        guard let head = try row({ () throws(StoreError) in try snapshot.head(of: log) }).value else { return true }
        // From the very first entry there is, so that those before `head.first` are seen too.
        let start = walk.due ?? .zero
        let usage = try row({ () throws(StoreError) in try snapshot.get(Tables.usage, log) }).value
        if let due = walk.due {
            walk.messageByteCount = nil
            if due < head.first {
                // Retention was here meanwhile.
                walk.due = nil
                walk.isTimeKnown = false
            }
        }
        if walk.due == nil { begin(&walk, head, usage) }
        var rows = 0
        var hasMore = false
        try snapshot.forEach(.entries, from: Key(log.rawValue, start.rawValue)) { (key, record) throws(StoreError) in
            guard key.count == 16, key.number(0) == log.rawValue else { return false }
            let number = SequenceNumber(rawValue: key.number(8))
            guard number <= head.last else { return false }
            summary.entryCount += 1
            try verifyRecord(record, number, head, &walk, in: snapshot)
            hasMore = !count(&rows)
            return !hasMore
        }
        if hasMore, let due = walk.due, due <= head.last { return false }
        // Everything up to the head of this transaction was seen: what follows from it is compared within it.
        try finish(&walk, head, in: snapshot)
        try verifyUsage(walk, head, usage, in: snapshot)
        return true
    }

    private func begin(_ walk: inout LogWalk, _ head: LogHead, _ usage: UsageRecord?) {
        if head.kind != walk.name.kind {
            report(
                Finding(
                    .contradiction, .heads, log: walk.log, expected: "kind \(walk.name.kind)",
                    found: "kind \(head.kind)"))
        }
        walk.due = head.first
        guard head.first > SequenceNumber.zero.next else { return }
        // What led here is no longer kept, but for its hash.
        walk.epoch = nil
        walk.chains = usage.flatMap { $0.first == head.first ? [$0.chain] : nil } ?? []
        if walk.chains.isEmpty {
            report(
                Finding(
                    .missing, .usage, log: walk.log, expected: "the chain hash before entry \(head.first)",
                    found: "none"))
        }
    }

    // MARK: Entries

    private func verifyRecord(
        _ record: UnsafeRawBufferPointer, _ number: SequenceNumber, _ head: LogHead, _ walk: inout LogWalk,
        in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        let log = walk.log
        if number < head.first {
            report(
                Finding(
                    .strayEntry, .entries, log: log, at: number, expected: "none before \(head.first)",
                    found: "an entry"))
            return
        }
        verifyDense(upTo: number, &walk)
        walk.due = number.next
        walk.isTimeKnown = false
        guard record.count > EntryRecord.hashByteCount else {
            report(
                Finding(
                    .undecodable, .entries, log: log, at: number, expected: "hash and frame",
                    found: "\(record.count) bytes"))
            walk.chains = []
            return
        }
        let entry: Snapshot.StoredEntry
        do throws(DecodingError) {
            entry = try Snapshot.decodeStored(EntryRecord.frame(record))
        } catch {
            report(
                Finding(
                    .undecodable, .entries, log: log, at: number, expected: "the frame of an entry", found: "\(error)"))
            walk.chains = []
            return
        }
        if entry.header.log != log || entry.header.sequenceNumber != number {
            report(
                Finding(
                    .contradiction, .entries, log: log, at: number, expected: "entry \(number) of log \(log)",
                    found: "entry \(entry.header.sequenceNumber) of log \(entry.header.log)"))
        }
        let isChained = verifyHashes(entry, storedHash: EntryRecord.payloadHash(record), number, &walk)
        if entry.header.time < walk.time {
            report(
                Finding(
                    .time, .entries, log: log, at: number, expected: "\(walk.time) or later",
                    found: "\(entry.header.time)"))
        }
        // A time that the chain does not vouch for is no measure for the entries behind it.
        if isChained { walk.time = max(walk.time, entry.header.time) }
        walk.isTimeKnown = isChained
        switch entry {
        case .whole(let entry):
            if entry.header.kind == .message, let count = walk.messageByteCount {
                walk.messageByteCount = count + entry.payload.count
            }
            try verifyMeaning(entry, number, &walk, in: snapshot)
        case .digest(let digest): try verifyDigest(digest, number, walk, in: snapshot)
        }
    }

    /// An entry whose payload is gone: an application message of a group.
    private func verifyDigest(
        _ digest: EntryDigest, _ number: SequenceNumber, _ walk: LogWalk, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        let isRight =
            digest.header.kind == .message && walk.name.kind == .group
            ? try isSender(digest.header.sender, in: snapshot) : false
        if !isRight {
            report(
                Finding(
                    .misplaced, .entries, log: walk.log, at: number, expected: "a payload",
                    found: "the digest of a \(digest.header.kind) by client \(digest.header.sender)"))
        }
    }

    private func verifyDense(upTo number: SequenceNumber, _ walk: inout LogWalk) {
        guard let due = walk.due, due < number else { return }
        let missing = number.rawValue - 1 == due.rawValue ? "entry \(due)" : "entries \(due) to \(number.rawValue - 1)"
        report(Finding(.missingEntries, .entries, log: walk.log, at: due, expected: missing, found: "none"))
        walk.chains = []
        walk.isTimeKnown = false
        walk.epoch = nil
    }

    /// Payload, hash and chain; true where the chain says that this is what was written.
    private func verifyHashes(
        _ entry: Snapshot.StoredEntry, storedHash: SHA256Digest, _ number: SequenceNumber, _ walk: inout LogWalk
    ) -> Bool {
        let hash: SHA256Digest
        switch entry {
        case .whole(let entry):
            let payload = entry.payload
            hash = chain.payloadHash(payload.rawSpan)
        case .digest(let digest): hash = digest.payloadHash
        }
        if hash != storedHash {
            report(
                Finding(.payloadHash, .entries, log: walk.log, at: number, expected: "\(hash)", found: "\(storedHash)"))
        }
        // Behind a gap there is nothing to compare with.
        guard let before = walk.chains.first else {
            walk.chains = [entry.chain]
            return hash == storedHash
        }
        // Where payload and hash differ, one of them was damaged: the chain tells that one entry once is enough.
        let hashes = hash == storedHash ? [hash] : [hash, storedHash]
        for previous in walk.chains {
            for payloadHash in hashes
            where chain.next(after: previous, header: entry.header, payloadHash: payloadHash) == entry.chain {
                walk.chains = [entry.chain]
                return true
            }
        }
        let expected = chain.next(after: before, header: entry.header, payloadHash: hash)
        report(Finding(.chain, .entries, log: walk.log, at: number, expected: "\(expected)", found: "\(entry.chain)"))
        walk.chains = [entry.chain, expected]
        return false
    }

    /// What an entry says, and whether it belongs into its log.
    private func verifyMeaning(
        _ entry: Entry, _ number: SequenceNumber, _ walk: inout LogWalk, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        let kinds: [EntryKind] =
            switch walk.name.kind {
            case .group: [.message] + EntryKind.ofGroups
            case .inbox: [.message] + EntryKind.ofInboxes
            case .directory: [.identity, .credentialIssued, .keyRotated, .clientRevoked, .userSuspended]
            case .keyPackages:
                [.message, .keyPackageHandedOut, .keyPackageReserved, .keyPackageReturned, .keyPackageExpired]
            case .groups: [.groupCreated]
            }
        guard kinds.contains(entry.header.kind) else {
            report(
                Finding(
                    .misplaced, .entries, log: walk.log, at: number,
                    expected: kinds.map(\.description).joined(separator: " or "), found: "\(entry.header.kind)"))
            return
        }
        try verifySender(entry, number, walk, in: snapshot)
        switch entry.header.kind {
        case .identity: try verifyIdentityNotice(entry, number, walk, in: snapshot)
        case .credentialIssued: try verifyCredentialNotice(entry, number, walk, in: snapshot)
        case .keyRotated: try verifyRotationNotice(entry, number, walk, in: snapshot)
        case .clientRevoked where walk.name.kind == .directory:
            try verifyRevocationNotice(entry, number, walk, in: snapshot)
        case .userSuspended: try verifySuspensionNotice(entry, number, walk, in: snapshot)
        case .groupCreated: try verifyGroupNotice(entry, number, walk, in: snapshot)
        case .keyPackageHandedOut: try verifyKeyPackageNotice(entry, number, &walk, in: snapshot)
        case .keyPackageReserved, .keyPackageReturned: verifyReservation(entry, number, &walk)
        case .keyPackageExpired: verifyExpiry(entry, number, &walk)
        case .commitVoided: verifyVoid(entry, number, &walk)
        case _ where walk.name.kind == .group && entry.header.kind != .message:
            verifyGroupChange(entry, number, walk)
        case _ where walk.name.kind == .inbox && entry.header.kind != .message: verifyInboxNotice(entry, number, walk)
        default: try verifyMessage(entry, number, &walk, in: snapshot)
        }
    }

    private func verifySender(
        _ entry: Entry, _ number: SequenceNumber, _ walk: LogWalk, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        let sender = entry.header.sender
        let isRight: Bool
        let expected: String
        if entry.header.kind != .message {
            (isRight, expected) = (sender == .relay, "the relay")
        } else if walk.name.kind == .keyPackages {
            (isRight, expected) = (sender == walk.name.client, "the log's client")
        } else {
            let isKnown = try isSender(sender, in: snapshot)
            (isRight, expected) = (isKnown, "a client")
        }
        if !isRight {
            report(
                Finding(
                    .misplaced, .entries, log: walk.log, at: number, expected: "\(expected) as the sender",
                    found: "client \(sender)"))
        }
    }

    /// What is counted of a tracked group is what there is.
    private func verifyUsage(
        _ walk: LogWalk, _ head: LogHead, _ usage: UsageRecord?, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        guard walk.name.kind == .group, let byteCount = walk.messageByteCount,
            try snapshot.has(Tables.groups, walk.log)
        else { return }
        let counted = usage?.byteCount ?? 0
        if counted != UInt64(byteCount) {
            report(
                Finding(
                    .contradiction, .usage, log: walk.log, expected: "\(byteCount) bytes of messages",
                    found: "\(counted)"))
        }
    }

    // MARK: Finishing

    /// What is compared with the head, in the transaction that had it.
    private func finish(_ walk: inout LogWalk, _ head: LogHead, in snapshot: borrowing Snapshot) throws(StoreError) {
        let log = walk.log
        if let due = walk.due, due <= head.last { verifyDense(upTo: head.last.next, &walk) }
        if !walk.chains.isEmpty, !walk.chains.contains(head.chain) {
            report(Finding(.head, .heads, log: log, expected: "chain hash \(walk.chains[0])", found: "\(head.chain)"))
        }
        if walk.isTimeKnown, head.time != walk.time {
            report(Finding(.head, .heads, log: log, expected: "time \(walk.time)", found: "time \(head.time)"))
        }
        try snapshot.forEach(.entries, from: Key(log.rawValue, head.last.rawValue + 1)) { (key, _) in
            guard key.count == 16, key.number(0) == log.rawValue else { return false }
            report(
                Finding(
                    .strayEntry, .entries, log: log, at: SequenceNumber(rawValue: key.number(8)),
                    expected: "none behind \(head.last)", found: "an entry"))
            return true
        }
        switch walk.name.kind {
        case .group: try finishGroup(walk, head, in: snapshot)
        case .keyPackages: try finishKeyPackages(walk, in: snapshot)
        case .inbox, .directory, .groups: break
        }
    }

    private func finishGroup(
        _ walk: LogWalk, _ head: LogHead, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        if let epoch = walk.epoch, head.epoch != epoch {
            report(Finding(.head, .heads, log: walk.log, expected: "epoch \(epoch)", found: "epoch \(head.epoch)"))
        }
        // Those that retention has removed meanwhile are gone with their rows.
        for (epoch, number) in walk.commits.sorted(by: { $0.value < $1.value }) where number >= head.first {
            let stored = try decoded(.commits, log: walk.log, at: number, row: "epoch \(epoch)") {
                () throws(StoreError) in try snapshot.commit(ending: epoch, in: walk.log)
            }
            guard let stored, stored != number else { continue }
            report(
                Finding(
                    stored == nil ? .missing : .contradiction, .commits, log: walk.log, at: number,
                    row: "epoch \(epoch)", expected: "entry \(number)", found: stored.map { "entry \($0)" } ?? "none"))
        }
        // Each commit that stands has its row; as many rows as commits, then, and none is wrong.
        var rowCount = 0
        try forEachCommitRow(of: walk.log, in: snapshot) { _, _ in rowCount += 1 }
        guard rowCount != walk.commits.count else { return }
        try forEachCommitRow(of: walk.log, in: snapshot) { (epoch, value) throws(StoreError) in
            guard value.count == 8 else {
                report(
                    Finding(
                        .undecodable, .commits, log: walk.log, row: "epoch \(epoch)", expected: "an entry",
                        found: value.hex))
                return
            }
            let number = SequenceNumber(rawValue: value.number(0))
            // It was removed, and its place is kept.
            if number > .zero, number < head.first { return }
            if walk.commits[epoch] != nil { return }
            var found = "no entry"
            if let entry = try row({ () throws(StoreError) in try snapshot.entry(number, in: walk.log) }).value {
                let commit = envelope(entry.payload)
                let isCommit = commit?.contentType == .commit && commit?.epoch == epoch.rawValue
                // Where entries are missing, it is not known which commits stand.
                if isCommit, walk.epoch == nil { return }
                found = isCommit ? "a commit that is void" : "another entry"
            }
            report(
                Finding(
                    .stray, .commits, log: walk.log, at: number, row: "epoch \(epoch)",
                    expected: "the commit that ended epoch \(epoch)", found: found))
        }
    }

    private func forEachCommitRow(
        of log: LogNumber, in snapshot: borrowing Snapshot,
        _ body: (Epoch, UnsafeRawBufferPointer) throws(StoreError) -> Void
    ) throws(StoreError) {
        try snapshot.forEach(.commits, from: Key(log.rawValue, 0)) { (key, value) throws(StoreError) in
            guard key.count == 16, key.number(0) == log.rawValue else { return false }
            try body(Epoch(rawValue: key.number(8)), value)
            return true
        }
    }
}
