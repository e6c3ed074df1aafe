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
        switch entry.header.kind {
        case .message: describe(message: entry.payload)
        case .identity: describe(identity: entry.payload)
        case .groupCreated: try describe(group: entry.payload, name: name)
        case .keyPackageHandedOut: try describe(keyPackage: entry.payload, name: name)
        default: what = "unknown"
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

    // MARK: Notices

    private mutating func describe(identity bytes: [UInt8]) {
        do throws(DecodingError) {
            let notice = try IdentityNotice(decoding: bytes)
            let name = String(decoding: notice.identity.name, as: UTF8.self)
            what = "client \(notice.client) is \(name)"
            add("client", .number(notice.client.rawValue))
            add("name", .string(name))
            add("scheme", .string(notice.identity.scheme.description))
            add("signature_key", .hex(notice.identity.signatureKey))
        } catch {
            damaged(error)
        }
    }

    private mutating func describe(group bytes: [UInt8], name: (ClientNumber) throws(StoreError) -> String)
        throws(StoreError)
    {
        let notice: GroupNotice
        do throws(DecodingError) {
            notice = try GroupNotice(decoding: bytes)
        } catch {
            damaged(error)
            return
        }
        let creator = try name(notice.creator)
        what = "group \(groupText(notice.groupID)) is log \(notice.log), by \(creator)"
        if notice.epoch.rawValue > 0 { what += ", in epoch \(notice.epoch)" }
        add("group_log", .number(notice.log.rawValue))
        add("group_id", .hex(notice.groupID))
        add("creator", .number(notice.creator.rawValue))
        add("creator_name", .string(creator))
        add("epoch", .number(notice.epoch.rawValue))
    }

    private mutating func describe(keyPackage bytes: [UInt8], name: (ClientNumber) throws(StoreError) -> String)
        throws(StoreError)
    {
        let notice: KeyPackageNotice
        do throws(DecodingError) {
            notice = try KeyPackageNotice(decoding: bytes)
        } catch {
            damaged(error)
            return
        }
        let recipient = try name(notice.recipient)
        what = "entry \(notice.sequenceNumber) was handed out to \(recipient)"
        add("key_package_seq", .number(notice.sequenceNumber.rawValue))
        add("recipient", .number(notice.recipient.rawValue))
        add("recipient_name", .string(recipient))
    }
}

extension Snapshot {
    /// A client's name for people; its number where it has none.
    func nameText(of client: ClientNumber) throws(StoreError) -> String {
        if client == .relay { return "relay" }
        guard let identity = try identity(of: client) else { return "client \(client)" }
        return String(decoding: identity.name, as: UTF8.self)
    }
}
