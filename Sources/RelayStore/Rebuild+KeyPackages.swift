import MLSCodec
import RelayCore
import RelayWire
import TLSPresentation

/// The KeyPackages of one client that can be handed out, as its log tells of them: by sequence number.
struct RebuiltPools {
    struct Package: Hashable {
        var suite: CipherSuite
        var isLastResort: Bool
    }

    private var published: [SequenceNumber: Package] = [:]
    private(set) var pooled: [SequenceNumber: Package] = [:]
    /// For which invitation.
    private(set) var reserved: [SequenceNumber: InvitationNumber] = [:]

    mutating func take(_ entry: Entry) {
        let number = entry.header.sequenceNumber
        switch entry.header.kind {
        case .message:
            guard case .keyPackage(let route)? = try? MLSMessageEnvelope(entry.payload.rawSpan).payload else { return }
            let package = Package(suite: route.cipherSuite, isLastResort: route.isLastResort)
            if package.isLastResort { pooled = pooled.filter { $0.value != package } }
            published[number] = package
            pooled[number] = package
        case .keyPackageHandedOut:
            guard let notice = try? KeyPackageNotice(decoding: entry.payload),
                published[notice.sequenceNumber]?.isLastResort == false
            else { return }
            remove(notice.sequenceNumber)
        case .keyPackageReserved:
            guard let notice = try? ReservationNotice(decoding: entry.payload) else { return }
            pooled[notice.sequenceNumber] = nil
            reserved[notice.sequenceNumber] = notice.invitation
        case .keyPackageReturned:
            guard let notice = try? ReservationNotice(decoding: entry.payload) else { return }
            reserved[notice.sequenceNumber] = nil
            pooled[notice.sequenceNumber] = published[notice.sequenceNumber]
        case .keyPackageExpired:
            guard let notice = try? KeyPackageExpiryNotice(decoding: entry.payload) else { return }
            remove(notice.sequenceNumber)
        default: return
        }
    }

    private mutating func remove(_ number: SequenceNumber) {
        pooled[number] = nil
        reserved[number] = nil
    }
}

extension StoreRebuilder {
    func rebuildPools(of client: ClientNumber, in snapshot: borrowing Snapshot) throws(StoreError) {
        var pools = RebuiltPools()
        try forEachEntry(of: .keyPackages(of: client), in: snapshot) { pools.take($0) }
        summary.keyPackageCount += pools.pooled.count + pools.reserved.count
        var stored: [SequenceNumber: RebuiltPools.Package] = [:]
        try snapshot.forEachKeyPackage(of: client) { pooled in
            stored[pooled.sequenceNumber] = RebuiltPools.Package(
                suite: pooled.cipherSuite, isLastResort: pooled.isLastResort)
            return true
        }
        compare(pools.pooled, stored, .keyPackages, of: client)
        var reserved: [SequenceNumber: InvitationNumber] = [:]
        try snapshot.forEach(Tables.reservations, prefix: client.recordKey) { key, record in
            reserved[key.second] = record.invitation
            return true
        }
        for number in Set(reserved.keys).union(pools.reserved.keys).sorted()
        where reserved[number] != pools.reserved[number] {
            report(
                Finding(
                    .contradiction, .reservations, at: number, row: "client \(client)",
                    expected: pools.reserved[number].map { "for invitation \($0)" } ?? "none",
                    found: reserved[number].map { "for invitation \($0)" } ?? "none"))
        }
    }

    private func compare(
        _ rebuilt: [SequenceNumber: RebuiltPools.Package], _ stored: [SequenceNumber: RebuiltPools.Package],
        _ table: TableName, of client: ClientNumber
    ) {
        for number in Set(rebuilt.keys).union(stored.keys).sorted() where rebuilt[number] != stored[number] {
            let problem: Finding.Problem =
                stored[number] == nil ? .missing : rebuilt[number] == nil ? .stray : .contradiction
            report(
                Finding(
                    problem, table, at: number, row: "client \(client)", expected: text(rebuilt[number]),
                    found: text(stored[number])))
        }
    }

    private func text(_ package: RebuiltPools.Package?) -> String {
        package.map { "\($0.suite)\($0.isLastResort ? ", last resort" : "")" } ?? "none"
    }
}
