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

    /// Those that could be connected: not revoked, and of users that are not suspended.
    public var connectableClients: [ClientNumber] {
        clients.keys.filter { client in
            // What is corrupted is found elsewhere.
            (try? refusalToConnect(client) == nil) ?? false
        }.sorted()
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
