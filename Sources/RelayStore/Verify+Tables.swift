import MLSCodec
import MLSCrypto
import RelayCore
import RelayWire
import TLSPresentation

extension StoreVerifier {
    // MARK: Names of logs

    /// names <-> logs, and a head for each.
    func verifyLogNames() throws(StoreError) {
        try forEachRow(of: .names) { (snapshot, key, _) throws(StoreError) in
            guard let number = number(key, .names) else { return }
            let log = LogNumber(rawValue: number)
            knownLogs.insert(number)
            summary.logCount += 1
            guard
                let name = try decoded(.names, log: log, { () throws(StoreError) in try snapshot.name(of: log) }) ?? nil
            else { return }
            switch name.kind {
            case .group: knownGroups.insert(number)
            case .directory, .groups: tellingLogs[name.kind] = log
            case .inbox, .keyPackages: break
            }
            try verifyName(name, of: log, in: snapshot)
            let indexed = try decoded(.logs, row: "\(name)") { () throws(StoreError) in
                try snapshot.log(name.kind, named: name.name.rawSpan)
            }
            if indexed != .some(.some(log)) {
                report(
                    Finding(
                        indexed == .some(nil) ? .missing : .contradiction, .logs, log: log, row: "\(name)",
                        expected: "\(log)", found: text(indexed ?? nil)))
            }
            let head = try decoded(.heads, log: log) { () throws(StoreError) in try snapshot.head(of: log) }
            if head == .some(nil) { report(Finding(.missing, .heads, log: log, expected: "a head", found: "none")) }
        }
        try forEachRow(of: .logs) { (snapshot, key, value) throws(StoreError) in
            guard let first = key.first, let kind = LogKind(rawValue: first), value.count == 8 else {
                report(
                    Finding(.undecodable, .logs, row: "key \(key.hex)", expected: "kind, name -> log", found: value.hex)
                )
                return
            }
            let name = LogName(kind: kind, name: Array(key.dropFirst()))
            let log = LogNumber(rawValue: value.number(0))
            // Where the log's own name says otherwise, that was found above; here it is one that no log has.
            let known = try row { () throws(StoreError) in try snapshot.name(of: log) }
            if known.isMissing {
                report(
                    Finding(
                        .stray, .logs, log: log, row: "\(name)", expected: "the name of a log", found: "no log \(log)"))
            } else if let known = known.value, known != name {
                report(Finding(.stray, .logs, log: log, row: "\(name)", expected: "\(known)", found: "\(name)"))
            }
        }
        try forEachRow(of: .heads) { (snapshot, key, _) throws(StoreError) in
            guard let number = number(key, .heads) else { return }
            if try snapshot.get(.names, Key(number)) == nil {
                let log = LogNumber(rawValue: number)
                report(Finding(.missing, .names, log: log, expected: "the name of the log", found: "none"))
            }
        }
    }

    private func verifyName(
        _ name: LogName, of log: LogNumber, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        switch name.kind {
        case .group:
            if !(1...WireLimits.maxGroupIDByteCount).contains(name.name.count) {
                report(
                    Finding(.undecodable, .names, log: log, expected: "a group id", found: "\(name.name.count) bytes"))
            }
        case .directory, .groups:
            if !name.name.isEmpty {
                report(Finding(.undecodable, .names, log: log, expected: "no name", found: name.name.hex))
            }
        case .inbox, .keyPackages:
            guard let client = name.client else {
                report(Finding(.undecodable, .names, log: log, expected: "a client's number", found: name.name.hex))
                return
            }
            if try !snapshot.has(Tables.clients, client) {
                report(
                    Finding(
                        .missing, .clients, log: log, row: "client \(client)", expected: "the log's client",
                        found: "none"))
            }
        }
    }

    // MARK: Clients

    /// clients <-> users, and the two logs of each client; userNames, userClients and signatureKeys say the same.
    func verifyClients() throws(StoreError) {
        try forEachRecord(Tables.clients) { (snapshot, client, record) throws(StoreError) in
            knownClients.insert(client.rawValue)
            summary.clientCount += 1
            for name in [LogName.inbox(of: client), .keyPackages(of: client)]
            where try snapshot.get(.logs, [name.kind.rawValue] + name.name) == nil {
                report(Finding(.missing, .logs, row: "\(name)", expected: "a log of client \(client)", found: "none"))
            }
            try verifyUser(of: client, record, in: snapshot)
            let keyID = BytesKey(Identity.keyID(record.identity.signatureKey))
            let owner = try row { () throws(StoreError) in try snapshot.get(Tables.signatureKeys, keyID) }
            if owner.isMissing || owner.value.map({ $0 != client }) == true {
                report(
                    Finding(
                        owner.isMissing ? .missing : .contradiction, .signatureKeys, row: keyID.bytes.hex,
                        expected: "client \(client)", found: owner.value.map { "client \($0)" } ?? "none"))
            }
        }
        try verifyUsers()
        try forEachRecord(Tables.userClients) { (snapshot, key, _) throws(StoreError) in
            let record = try row { () throws(StoreError) in try snapshot.get(Tables.clients, key.second) }
            if record.isMissing || record.value.map({ $0.user != key.first }) == true {
                report(
                    Finding(
                        .stray, .userClients, row: "user \(key.first), client \(key.second)",
                        expected: "a client of this user", found: record.value.map { "user \($0.user)" } ?? "none"))
            }
        }
        try forEachRecord(Tables.signatureKeys) { (snapshot, key, client) throws(StoreError) in
            let record = try row { () throws(StoreError) in try snapshot.get(Tables.clients, client) }
            if record.isMissing {
                report(
                    Finding(
                        .stray, .signatureKeys, row: key.bytes.hex, expected: "a key of a client",
                        found: "no client \(client)"))
            } else if let record = record.value, Identity.keyID(record.identity.signatureKey) != key.bytes {
                replay.formerKeys[key] = client
            }
        }
        // What they say stands nowhere else.
        try forEachRecord(Tables.tokens) { _, _, _ in }
    }

    private func verifyUser(
        of client: ClientNumber, _ record: ClientRecord, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        let row = "client \(client)"
        guard Identity.isValidName(record.identity.name) else {
            report(Finding(.undecodable, .clients, row: row, expected: "a name", found: record.identity.name.hex))
            return
        }
        let user = try self.row { () throws(StoreError) in try snapshot.get(Tables.users, record.user) }
        if case .undecodable = user { return }
        if user.value?.name != record.identity.name {
            report(
                Finding(
                    user.isMissing ? .missing : .contradiction, .users, row: "user \(record.user)",
                    expected: record.identity.text, found: user.value.map { $0.name.hex } ?? "none"))
        }
        if try !snapshot.has(Tables.userClients, PairKey(record.user, client)) {
            report(Finding(.missing, .userClients, row: row, expected: "user \(record.user)", found: "none"))
        }
    }

    /// users <-> userNames.
    private func verifyUsers() throws(StoreError) {
        try forEachRecord(Tables.users) { (snapshot, user, record) throws(StoreError) in
            let named = try row { () throws(StoreError) in
                try snapshot.get(Tables.userNames, BytesKey(record.name))
            }
            if named.isMissing || named.value.map({ $0 != user }) == true {
                report(
                    Finding(
                        named.isMissing ? .missing : .contradiction, .userNames, row: record.name.hex,
                        expected: "user \(user)", found: named.value.map { "user \($0)" } ?? "none"))
            }
            if try snapshot.keys(Tables.userClients, prefix: user.recordKey, limit: 1).isEmpty {
                report(Finding(.missing, .userClients, row: "user \(user)", expected: "a client", found: "none"))
            }
            try verifyListing(of: user, record, in: snapshot)
        }
        try forEachRecord(Tables.listedNames) { (snapshot, name, _) throws(StoreError) in
            let user = try row { () throws(StoreError) in try snapshot.get(Tables.userNames, name) }
            if user.isMissing {
                report(
                    Finding(
                        .stray, .listedNames, row: name.bytes.hex, expected: "the name of a user", found: "nobody's"))
            }
        }
        try forEachRecord(Tables.userNames) { (snapshot, name, user) throws(StoreError) in
            let record = try row { () throws(StoreError) in try snapshot.get(Tables.users, user) }
            if case .undecodable = record { return }
            if record.value?.name != name.bytes {
                report(
                    Finding(
                        .stray, .userNames, row: name.bytes.hex,
                        expected: record.value?.name.hex ?? "the name of a user",
                        found: "user \(user)"))
            }
        }
    }

    /// A search finds whom it may.
    private func verifyListing(
        of user: UserNumber, _ record: UserRecord, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        let hasClients: Bool
        do throws(StoreError) {
            hasClients = try !snapshot.clients(of: user).isEmpty
        } catch .corrupted {
            // Found where the client is.
            return
        }
        let isListed = try snapshot.has(Tables.listedNames, BytesKey(record.name))
        let mayBe = record.visibility == .listed && !record.isSuspended && hasClients
        guard isListed != mayBe else { return }
        report(
            Finding(
                isListed ? .stray : .missing, .listedNames, row: record.name.hex,
                expected: mayBe ? "a user that is listed" : "none, since the user is not listed",
                found: isListed ? "a row" : "none"))
    }

    /// Every client and every group has its notice.
    func verifyTold() throws(StoreError) {
        for client in knownClients where !toldClients.contains(client) {
            report(
                Finding(
                    .missing, .entries, row: "client \(client)", expected: "an entry of the directory", found: "none"))
        }
        for log in knownGroups where !toldGroups.contains(log) {
            report(
                Finding(
                    .missing, .entries, log: LogNumber(rawValue: log), expected: "an entry of the log of groups",
                    found: "none"))
        }
    }

    // MARK: KeyPackages

    /// keyPackageRefs -> entries; that the pools are what they should be was seen in each client's log.
    func verifyKeyPackageTables() throws(StoreError) {
        try forEachRow(of: .keyPackageRefs) { (snapshot, key, value) throws(StoreError) in
            guard value.count == 16 else {
                report(
                    Finding(.undecodable, .keyPackageRefs, row: key.hex, expected: "client and entry", found: value.hex)
                )
                return
            }
            let client = ClientNumber(rawValue: value.number(0))
            let number = SequenceNumber(rawValue: value.number(8))
            let log = try decoded(.logs, row: "\(LogName.keyPackages(of: client))") { () throws(StoreError) in
                try snapshot.log(.keyPackages, named: client.encoded.rawSpan)
            }
            guard let log else { return }
            var found = "nothing"
            if let log {
                // An entry that does not decode was found in its log.
                switch try row({ () throws(StoreError) in try snapshot.entry(number, in: log) }) {
                case .found(let entry): found = keyPackage(entry.payload)?.reference?.hex ?? "no KeyPackage"
                case .missing: break
                case .undecodable: return
                }
            }
            if found != key.hex {
                report(
                    Finding(
                        .stray, .keyPackageRefs, log: log, at: number, row: key.hex,
                        expected: "a KeyPackage of this reference",
                        found: found))
            }
        }
        try forEachRow(of: .keyPackages) { (snapshot, key, value) throws(StoreError) in
            let pooled = try decoded(.keyPackages, row: "key \(key.hex)") { () throws(StoreError) in
                try PooledKeyPackage(key: key, value: value)
            }
            if let pooled, try !snapshot.has(Tables.clients, pooled.client) {
                report(
                    Finding(
                        .stray, .keyPackages, row: "\(pooled)", expected: "a client",
                        found: "no client \(pooled.client)"))
            }
        }
    }

    // MARK: Groups and acknowledgements

    /// groupInfos belong to groups, and are of an epoch that these were in.
    func verifyGroupInfos() throws(StoreError) {
        try forEachRow(of: .groupInfos) { (snapshot, key, value) throws(StoreError) in
            guard let number = number(key, .groupInfos) else { return }
            let log = LogNumber(rawValue: number)
            let name = try row { () throws(StoreError) in try snapshot.name(of: log) }.value
            let read = try row { () throws(StoreError) in try snapshot.head(of: log) }
            if read.isMissing || read.value.map({ $0.kind != .group }) == true {
                report(Finding(.stray, .groupInfos, log: log, expected: "a group", found: "none with this number"))
            }
            guard let head = read.value, head.kind == .group else { return }
            let message = Array(value)
            guard case .groupInfo(let route)? = envelope(message)?.payload else {
                report(
                    Finding(.malformedPayload, .groupInfos, log: log, expected: "a GroupInfo", found: "something else"))
                return
            }
            if let name, Array(message[route.groupID]) != name.name {
                report(
                    Finding(
                        .misplaced, .groupInfos, log: log, expected: "group \(name.name.hex)",
                        found: "group \(message[route.groupID].hex)"))
            }
            if route.epoch > head.epoch.rawValue {
                report(
                    Finding(
                        .epoch, .groupInfos, log: log, expected: "epoch \(head.epoch) or before",
                        found: "epoch \(route.epoch)"))
            }
        }
    }

    /// acknowledged <= last, of logs and clients that exist.
    func verifyAcknowledgements() throws(StoreError) {
        try forEachRow(of: .acknowledged) { (snapshot, key, value) throws(StoreError) in
            guard key.count == 16, value.count == 8 else {
                report(
                    Finding(
                        .undecodable, .acknowledged, row: "key \(key.hex)", expected: "log, client -> entry",
                        found: value.hex))
                return
            }
            let log = LogNumber(rawValue: key.number(0))
            let row = "client \(key.number(8))"
            if try !snapshot.has(Tables.clients, ClientNumber(rawValue: key.number(8))) {
                report(
                    Finding(
                        .stray, .acknowledged, log: log, row: row, expected: "a client", found: "none with this number")
                )
            }
            let read = try self.row { () throws(StoreError) in try snapshot.head(of: log) }
            if read.isMissing {
                report(
                    Finding(
                        .stray, .acknowledged, log: log, row: row, expected: "a log", found: "none with this number"))
            }
            guard let head = read.value else { return }
            if value.number(0) > head.last.rawValue {
                report(
                    Finding(
                        .acknowledgedAhead, .acknowledged, log: log, row: row, expected: "at most \(head.last)",
                        found: "\(value.number(0))"))
            }
        }
    }

    /// No entries and commits of logs that do not exist: one look per log.
    func verifyNothingStray() throws(StoreError) {
        for (table, problem) in [(TableName.entries, Finding.Problem.strayEntry), (.commits, .stray)] {
            var next: UInt64? = 0
            while let from = next {
                next = try read { (snapshot) throws(StoreError) in
                    var rows = 0
                    var next: UInt64? = from
                    repeat {
                        guard let number = try firstLog(of: table, from: next ?? 0, in: snapshot) else { return nil }
                        let log = LogNumber(rawValue: number)
                        let head = try row { () throws(StoreError) in try snapshot.head(of: log) }
                        if head.isMissing || table == .commits && head.value.map({ $0.kind != .group }) == true {
                            report(
                                Finding(
                                    problem, table, log: log, expected: table == .commits ? "a group" : "a log",
                                    found: "none with this number"))
                        }
                        next = number == .max ? nil : number + 1
                    } while next != nil && count(&rows)
                    return next
                }
            }
        }
    }

    /// The log of the first row of `table` whose log is `from` or behind it.
    private func firstLog(
        of table: TableName, from: UInt64, in snapshot: borrowing Snapshot
    ) throws(StoreError) -> UInt64? {
        var log: UInt64?
        try snapshot.forEach(table, from: Key(from, 0)) { (key, _) in
            guard key.count == 16 else {
                report(
                    Finding(
                        .undecodable, table, row: "key \(key.hex)", expected: "two numbers", found: "\(key.count) bytes"
                    ))
                return true
            }
            log = key.number(0)
            return false
        }
        return log
    }

    private func text(_ log: LogNumber?) -> String { log.map { "\($0)" } ?? "none" }
}

extension Identity {
    /// The name as text.
    var text: String { String(decoding: name, as: UTF8.self) }
}
