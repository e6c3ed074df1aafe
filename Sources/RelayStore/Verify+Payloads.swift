import MLSCodec
import MLSCrypto
import RelayCore
import RelayWire
import TLSPresentation

extension StoreVerifier {
    // MARK: Notices

    /// The notice that an entry is; nil, and a finding, where it is none.
    func notice<Notice: TLSDecodable>(
        _ type: Notice.Type, _ entry: Entry, _ number: SequenceNumber, _ log: LogNumber
    ) -> Notice? {
        do throws(DecodingError) {
            return try Notice(decoding: entry.payload)
        } catch {
            report(
                Finding(
                    .malformedPayload, .entries, log: log, at: number, expected: "\(entry.header.kind)",
                    found: "\(error)"))
            return nil
        }
    }

    /// Whether somebody may stand as the sender of a message: a client, or nobody, where the relay does not keep who it was.
    func isSender(_ client: ClientNumber, in snapshot: borrowing Snapshot) throws(StoreError) -> Bool {
        if client == .relay { return true }
        return try isClient(client, in: snapshot)
    }

    func isClient(_ client: ClientNumber, in snapshot: borrowing Snapshot) throws(StoreError) -> Bool {
        if knownClients.contains(client.rawValue) { return true }
        return try snapshot.has(Tables.clients, client)
    }

    func verifyGroupNotice(
        _ entry: Entry, _ number: SequenceNumber, _ walk: LogWalk, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        guard let notice = notice(GroupNotice.self, entry, number, walk.log) else { return }
        toldGroups.insert(notice.log.rawValue)
        if notice.epoch.rawValue != 0 { creationEpochs[notice.log] = notice.epoch }
        let expected = LogName.group(notice.groupID)
        let told = "told in entry \(number) of log \(walk.log)"
        switch try row({ () throws(StoreError) in try snapshot.name(of: notice.log) }) {
        case .found(expected), .undecodable: break
        case .found(let name):
            report(
                Finding(
                    .contradiction, .names, log: notice.log, row: told, expected: "\(expected)", found: "\(name)"))
        case .missing:
            report(Finding(.missing, .names, log: notice.log, row: told, expected: "\(expected)", found: "none"))
        }
        let head = try row { () throws(StoreError) in try snapshot.head(of: notice.log) }.value
        if let head, head.creator != notice.creator {
            report(
                Finding(
                    .contradiction, .heads, log: notice.log, expected: "creator \(notice.creator)",
                    found: "creator \(head.creator)"))
        }
    }

    // MARK: Messages

    func verifyMessage(
        _ entry: Entry, _ number: SequenceNumber, _ walk: inout LogWalk, in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        let message: MLSMessageEnvelope
        do throws(EnvelopeError) {
            message = try MLSMessageEnvelope(entry.payload.rawSpan)
        } catch {
            report(
                Finding(
                    .malformedPayload, .entries, log: walk.log, at: number, expected: "an MLSMessage", found: "\(error)"
                ))
            return
        }
        switch (walk.name.kind, message.payload) {
        case (.group, .publicMessage), (.group, .privateMessage):
            try verifyGroupMessage(message, entry, number, &walk, in: snapshot)
        case (.inbox, .welcome(let welcome)):
            try verifyWelcome(welcome, entry, number, walk, in: snapshot)
        case (.keyPackages, .keyPackage):
            try verifyKeyPackage(entry, number, &walk, in: snapshot)
        default:
            report(
                Finding(
                    .misplaced, .entries, log: walk.log, at: number, expected: "a message for \(walk.name)",
                    found: "\(message.wireFormat)"))
        }
    }

    /// Group messages stand in their own group's log, in epochs that it was in; commits follow each other.
    private func verifyGroupMessage(
        _ message: MLSMessageEnvelope, _ entry: Entry, _ number: SequenceNumber, _ walk: inout LogWalk,
        in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        guard let groupID = message.groupID, let epoch = message.epoch.map(Epoch.init(rawValue:)) else { return }
        if !entry.payload[groupID].elementsEqual(walk.name.name) {
            report(
                Finding(
                    .misplaced, .entries, log: walk.log, at: number, expected: "\(walk.name)",
                    found: "group \(entry.payload[groupID].hex)"))
        }
        guard message.contentType == .commit else {
            if let now = walk.epoch, epoch > now {
                report(
                    Finding(
                        .epoch, .entries, log: walk.log, at: number, expected: "epoch \(now) or before",
                        found: "epoch \(epoch)"))
            }
            return
        }
        if let now = walk.epoch, epoch != now {
            report(
                Finding(
                    .epoch, .entries, log: walk.log, at: number, expected: "a commit of epoch \(now)",
                    found: "one of epoch \(epoch)"))
        }
        walk.epoch = epoch.next
        // One commit ends an epoch, the first: unless that is void before the next.
        if walk.commits[epoch] == nil { walk.commits[epoch] = number }
    }

    /// A Welcome stands in the inbox of a client whose KeyPackage it names.
    private func verifyWelcome(
        _ welcome: WelcomeRoute, _ entry: Entry, _ number: SequenceNumber, _ walk: LogWalk,
        in snapshot: borrowing Snapshot
    ) throws(StoreError) {
        var isMeant = false
        try welcome.forEachNewMember(in: entry.payload.rawSpan) { (reference) throws(StoreError) in
            guard !isMeant else { return }
            let owner = try row { () throws(StoreError) in try snapshot.keyPackage(Array(entry.payload[reference])) }
            if let owner = owner.value { isMeant = owner.client == walk.name.client }
        }
        if !isMeant {
            report(
                Finding(
                    .misplaced, .entries, log: walk.log, at: number, expected: "a Welcome for \(walk.name)",
                    found: "one for others"))
        }
    }

    // MARK: MLS

    /// The envelope of an MLSMessage; nil where it is none.
    func envelope(_ message: [UInt8]) -> MLSMessageEnvelope? { try? MLSMessageEnvelope(message.rawSpan) }
}
