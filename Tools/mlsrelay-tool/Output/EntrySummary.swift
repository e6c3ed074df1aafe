import MLSCodec
import MLSCrypto
import RelayCore
import RelayStore
import RelayWire
import TLSPresentation

/// What an entry is, in a few words for people and in a few members for programs.
struct EntrySummary {
    var what = ""
    var members: [JSON.Member] = []

    /// Of an entry whose payload did not come along: one's own, or one that is not kept.
    static var withoutPayload: EntrySummary { EntrySummary(what: "without its payload", members: []) }

    private init(what: String, members: [JSON.Member]) {
        self.what = what
        self.members = members
    }

    /// - Parameter name: the name of a client.
    init(_ entry: Entry, name: (ClientNumber) throws(StoreError) -> String) throws(StoreError) {
        if entry.header.kind == .message {
            describe(message: entry.payload)
            return
        }
        do {
            guard let notice = try NoticeText(entry, name: name) else {
                what = "unknown"
                return
            }
            what = notice.what
            for field in notice.fields { add(field.name, field.json) }
        } catch let damage as NoticeText.Damage {
            damaged(damage.error)
        } catch let error as StoreError {
            throw error
        } catch {
            damaged(error)
        }
    }

    private mutating func damaged(_ error: some Error) {
        what = "damaged: \(error)"
        add("error", .string("\(error)"))
    }

    private mutating func add(_ name: String, _ value: JSON) { members.append(JSON.Member(name: name, value: value)) }

    // MARK: Messages

    private mutating func describe(message bytes: [UInt8]) {
        let envelope: MLSMessageEnvelope
        do throws(EnvelopeError) {
            envelope = try MLSMessageEnvelope(bytes.rawSpan)
        } catch {
            damaged(error)
            return
        }
        add("wire_format", .string(envelope.wireFormat.description))
        switch envelope.payload {
        case .publicMessage(let route):
            what = "public \(route.contentType)"
            switch route.content {
            case .proposal(let type): what += ": \(type)"
            case .commit(let proposalCount, let hasPath):
                what += " of \(counted(proposalCount, "proposal", "proposals"))\(hasPath ? ", with path" : "")"
            }
            addFraming(route.contentType, route.epoch)
        case .privateMessage(let route):
            what = "private \(route.contentType)"
            addFraming(route.contentType, route.epoch)
        case .welcome(let route):
            what = "Welcome for \(counted(route.secretsCount, "client", "clients")), \(route.cipherSuite)"
            add("cipher_suite", .number(UInt64(route.cipherSuite.rawValue)))
            var references: [JSON] = []
            route.forEachNewMember(in: bytes.rawSpan) { references.append(.hex(bytes[$0])) }
            add("new_members", .array(references))
        case .groupInfo(let route):
            what = "GroupInfo of epoch \(route.epoch)"
            add("epoch", .number(route.epoch))
        case .keyPackage(let route):
            what = "KeyPackage\(route.isLastResort ? " of last resort" : ""), \(route.cipherSuite)"
            add("cipher_suite", .number(UInt64(route.cipherSuite.rawValue)))
            add("last_resort", .bool(route.isLastResort))
        }
    }

    private mutating func addFraming(_ contentType: ContentType, _ epoch: UInt64) {
        what += ", epoch \(epoch)"
        add("content_type", .string(contentType.description))
        add("epoch", .number(epoch))
    }
}

extension Snapshot {
    /// A client's name for people; its number where it has none.
    func nameText(of client: ClientNumber) throws(StoreError) -> String {
        if client == .relay { return "relay" }
        guard let record = try get(Tables.clients, client) else { return "client \(client)" }
        let name = String(decoding: record.identity.name, as: UTF8.self)
        return record.clientName.isEmpty ? name : "\(name)/\(String(decoding: record.clientName, as: UTF8.self))"
    }
}
