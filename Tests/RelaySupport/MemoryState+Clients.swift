public import RelayCore
public import RelayWire
import TLSPresentation

extension MemoryState {
    /// Who is registered.
    public var clients: [ClientNumber: Identity] {
        var clients: [ClientNumber: Identity] = [:]
        for (key, value) in records[.clients] ?? [:] {
            guard let client = ClientNumber(recordKey: key), let record = try? ClientRecord(decoding: value) else {
                continue
            }
            clients[client] = record.identity
        }
        return clients
    }
}

extension MemoryState {
    /// But for what is noted of refused commits, which nobody sees but operators.
    var withoutRejects: MemoryState {
        var state = self
        state.records[.rejects] = nil
        state.records[.counters]?[Array("reject".utf8)] = nil
        return state
    }
}
