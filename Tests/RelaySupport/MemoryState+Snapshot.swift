public import RelayCore
public import RelayStore
import RelayWire
import TLSPresentation

extension MemoryState {
    /// A copy of everything that a store has.
    public init(contentsOf snapshot: borrowing Snapshot, duplicateWindow: Int) throws(StoreError) {
        self.init(duplicateWindow: duplicateWindow)
        for log in try snapshot.logs() {
            guard let name = try snapshot.name(of: log), let head = try snapshot.head(of: log) else {
                throw .corrupted("log \(log) has no name or no head")
            }
            logs[name] = log
            heads[log] = head
            entries[log] = []
            try snapshot.forEachStoredFrame(in: log, after: .zero, through: .unlimited) {
                (number, frame) throws(StoreError) in
                if let entry = try snapshot.entry(number, in: log) {
                    entries[log]?.append(entry)
                } else {
                    let digest = frame.digest
                    entries[log]?.append(Entry(header: digest.header, chain: digest.chain, payload: []))
                    digests[log, default: [:]][number] = digest.payloadHash
                }
                return true
            }
            try snapshot.forEachCommit(in: log) { epoch, number in
                commits[log, default: [:]][epoch] = number
                return true
            }
            try snapshot.forEachAcknowledgement(in: log) { client, number in
                acknowledgements[log, default: [:]][client] = number
                return true
            }
        }
        try snapshot.forEachGroupInfo { log, message in
            groupInfos[log] = Array(message)
            return true
        }
        for table in RecordTable.allCases {
            try snapshot.forEachRecord(table, prefix: [], after: nil) { key, value in
                records[table, default: [:]][key] = value
                return true
            }
        }
        try snapshot.forEachKeyPackageReference { reference, position in
            keyPackages[reference] = position
            return true
        }
        try snapshot.forEachKeyPackage(of: nil) { pooled in
            let name = PoolName(client: pooled.client, cipherSuite: pooled.cipherSuite)
            if pooled.isLastResort {
                pools[name, default: Pool()].lastResort.append(pooled)
            } else {
                pools[name, default: Pool()].once.append(pooled)
            }
            return true
        }
    }
}
