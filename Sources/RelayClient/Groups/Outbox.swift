import MLSCodec
import MLSCrypto
import RelayWire
import TLSPresentation

/// Something that this device is to do in a group, kept until it is done.
struct OutboxItem: Hashable {
    enum Content: Hashable {
        /// To say something.
        case message(GroupPayload)
        /// To change the group by a commit.
        case change(Change)
        /// To propose something.
        case propose(Proposing)
    }

    /// A change, by what it is to come to: whether there is anything left to do is decided anew in each epoch.
    enum Change: Hashable {
        /// That these are in the group: encoded KeyPackages with the numbers of their clients.
        case add([AddedClient])
        /// That none with these signature keys is.
        case remove([[UInt8]])
        /// That this device has new keys.
        case update
        /// That nothing is pending.
        case commitPending
    }

    enum Proposing: UInt8, TLSEnumerated {
        case update = 1
        /// To leave.
        case selfRemove = 2
        static var enumerationName: StaticStringName { "OutboxItem.Proposing" }
    }

    struct AddedClient: Hashable {
        let client: ClientNumber
        let keyPackage: [UInt8]
    }

    var content: Content
    /// As it was sent; nil while it is not, or is to be made anew.
    var prepared: Prepared?

    struct Prepared: Hashable {
        /// An encoded MLSMessage.
        let message: [UInt8]
        let hash: SHA256Digest
        let epoch: UInt64
        /// The epoch that the group was in when the relay refused the message for its own.
        var refusedIn: UInt64?
    }

    init(_ content: Content) { self.content = content }
}

/// What members say to each other: the content of an application message. RFC 9750 section 6.9.
/// ```
/// enum { content(1), check(2), report(3), (255) } PayloadKind;
/// struct { uint8 version = 1; PayloadKind kind; opaque id[16]; opaque content_type<V>; opaque body<V>; } GroupPayload;
/// ```
struct GroupPayload: Hashable {
    enum Kind: UInt8, TLSEnumerated {
        case content = 1
        /// Asks the others to say what they have seen, which stands beside each message: nothing for people.
        case check = 2
        /// Answers that; what was seen stands beside it as well.
        case report = 3
        static var enumerationName: StaticStringName { "PayloadKind" }
    }

    static let idByteCount = 16

    let kind: Kind
    /// Chosen at random: who gets the same twice knows it. RFC 9750 section 8.6.
    let id: [UInt8]
    let contentType: [UInt8]
    let body: [UInt8]
}

/// A commit that was made: sent as often as it takes, until the log says what became of it.
struct Publication: Hashable {
    enum Kind: UInt8, TLSEnumerated {
        /// The first commit of a group.
        case create = 1
        case commit = 2
        /// An external commit, whose group is in `state`.
        case join = 3
        static var enumerationName: StaticStringName { "Publication.Kind" }
    }

    let kind: Kind
    /// The epoch that it ends.
    let epoch: UInt64
    /// SHA-256 of the commit.
    let hash: SHA256Digest
    /// Commit, Welcome and GroupInfo.
    let messages: [[UInt8]]
    /// For groups with private handshakes.
    let added: [ClientNumber]
    let removed: [ClientNumber]
    /// What it carries out, by the numbers in the outbox.
    let items: [UInt64]
    /// Of a join: where its MLS records are.
    let state: StateNumber
}

extension GroupPayload: TLSCodable {
    private static let version: UInt8 = 1

    init(from reader: inout Reader) throws(DecodingError) {
        try reader.expectVersion(Self.version, "GroupPayload")
        kind = try Kind(from: &reader)
        id = try reader.bytes(count: Self.idByteCount)
        contentType = try reader.opaque()
        body = try reader.opaque()
    }

    func encode(into writer: inout Writer) {
        writer.integer(Self.version)
        kind.encode(into: &writer)
        writer.raw(id)
        writer.opaque(contentType)
        writer.opaque(body)
    }
}

extension OutboxItem: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        try reader.expectVersion(1, "OutboxItem")
        content = try Content(from: &reader)
        prepared = try reader.optional()
    }

    func encode(into writer: inout Writer) {
        writer.integer(1 as UInt8)
        content.encode(into: &writer)
        writer.optional(prepared)
    }
}

extension OutboxItem.Content: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        let start = reader.byteOffset
        switch try reader.uint8() {
        case 1: self = .message(try GroupPayload(from: &reader))
        case 2: self = .change(.add(try reader.vector()))
        case 3: self = .change(.remove(try reader.opaques()))
        case 4: self = .change(.update)
        case 5: self = .change(.commitPending)
        case 6: self = .propose(try OutboxItem.Proposing(from: &reader))
        case let kind: throw DecodingError(.unknownValue(type: "OutboxItem", value: UInt64(kind)), at: start)
        }
    }

    func encode(into writer: inout Writer) {
        switch self {
        case .message(let payload):
            writer.integer(1 as UInt8)
            payload.encode(into: &writer)
        case .change(.add(let clients)):
            writer.integer(2 as UInt8)
            writer.vector(clients)
        case .change(.remove(let keys)):
            writer.integer(3 as UInt8)
            writer.opaques(keys)
        case .change(.update): writer.integer(4 as UInt8)
        case .change(.commitPending): writer.integer(5 as UInt8)
        case .propose(let what):
            writer.integer(6 as UInt8)
            what.encode(into: &writer)
        }
    }
}

extension OutboxItem.AddedClient: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        client = try ClientNumber(from: &reader)
        keyPackage = try reader.opaque()
    }

    func encode(into writer: inout Writer) {
        client.encode(into: &writer)
        writer.opaque(keyPackage)
    }
}

extension OutboxItem.Prepared: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        message = try reader.opaque()
        hash = try SHA256Digest(from: &reader)
        epoch = try reader.uint64()
        refusedIn = try reader.optional()
    }

    func encode(into writer: inout Writer) {
        writer.opaque(message)
        hash.encode(into: &writer)
        writer.integer(epoch)
        writer.optional(refusedIn)
    }
}

extension Publication: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        try reader.expectVersion(1, "Publication")
        kind = try Kind(from: &reader)
        epoch = try reader.uint64()
        hash = try SHA256Digest(from: &reader)
        messages = try reader.opaques()
        added = try reader.vector()
        removed = try reader.vector()
        items = try reader.vector()
        state = StateNumber(rawValue: try reader.uint32())
    }

    func encode(into writer: inout Writer) {
        writer.integer(1 as UInt8)
        kind.encode(into: &writer)
        writer.integer(epoch)
        hash.encode(into: &writer)
        writer.opaques(messages)
        writer.vector(added)
        writer.vector(removed)
        writer.vector(items)
        writer.integer(state.rawValue)
    }
}
