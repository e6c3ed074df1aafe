import MLSCrypto
public import RelayCore
import RelayWire
import TLSPresentation

extension MemoryState {
    /// What is wrong with the logs: each is dense from 1 on, its times never go back, and its chain leads to its head.
    public var brokenInvariants: [String] {
        var broken: [String] = []
        var chain = Chain()
        for (name, log) in logs {
            guard let head = heads[log] else {
                broken.append("log \(log) has no head")
                continue
            }
            let before = SequenceNumber(rawValue: head.first.rawValue - 1)
            var hash = chain.start(of: name)
            if before > .zero {
                do {
                    guard let kept = try keptChain(at: before, of: head) else { throw Self.corrupted("no chain hash") }
                    hash = kept
                } catch {
                    broken.append("the chain hash before entry \(head.first) of log \(log): \(error)")
                }
            }
            var time = Timestamp(rawValue: 0)
            for (index, entry) in zip(Int(before.rawValue)..., entries[log] ?? []) {
                let payload = entry.payload
                let number = entry.header.sequenceNumber
                let payloadHash = digests[log]?[number] ?? chain.payloadHash(payload.rawSpan)
                hash = chain.next(after: hash, header: entry.header, payloadHash: payloadHash)
                let place = "entry \(index + 1) of log \(log)"
                if entry.header.sequenceNumber.rawValue != UInt64(index) + 1 { broken.append("\(place) is not dense") }
                if entry.header.log != log { broken.append("\(place) names another log") }
                if entry.header.time < time { broken.append("\(place) goes back in time") }
                if entry.chain != hash { broken.append("\(place) breaks the chain") }
                time = entry.header.time
            }
            if head.chain != hash { broken.append("the head of log \(log) has another chain hash") }
            if head.time < time { broken.append("the head of log \(log) goes back in time") }
            if head.last.rawValue != before.rawValue + UInt64(entries[log]?.count ?? 0) {
                broken.append("the head of log \(log) is elsewhere")
            }
            for (client, number) in acknowledgements[log] ?? [:] where number > head.last {
                broken.append("client \(client) has acknowledged \(number) of log \(log)")
            }
        }
        return broken
    }
}
