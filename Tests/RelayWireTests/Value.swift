import MLSCodec
import MLSCrypto
import RelayWire
import TLSPresentation

/// A value as Wire/Vectors write it: opaque in hexadecimal digits, uint64 in decimal ones, other integers as numbers.
enum Value: Decodable {
    case number(UInt64)
    case text(String)
    case list([Value])
    case object([String: Value])

    struct Mismatch: Error, CustomStringConvertible {
        let description: String
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(UInt64.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let list = try? container.decode([Value].self) {
            self = .list(list)
        } else {
            self = .object(try container.decode([String: Value].self))
        }
    }

    func field(_ name: String) throws -> Value {
        guard case .object(let fields) = self, let field = fields[name] else {
            throw Mismatch(description: "no field \(name) in \(self)")
        }
        return field
    }

    func string(_ name: String) throws -> String {
        guard case .text(let text) = try field(name) else { throw Mismatch(description: "\(name) is no text") }
        return text
    }

    func opaque(_ name: String) throws -> [UInt8] {
        guard let bytes = [UInt8](hex: try string(name)) else { throw Mismatch(description: "\(name) is not opaque") }
        return bytes
    }

    func list<Element>(_ name: String, _ element: (Value) throws -> Element) throws -> [Element] {
        guard case .list(let list) = try field(name) else { throw Mismatch(description: "\(name) is no list") }
        return try list.map(element)
    }

    func integer<T: FixedWidthInteger>(_ name: String, as type: T.Type = T.self) throws -> T {
        try field(name).integer()
    }

    func integer<T: FixedWidthInteger>(as type: T.Type = T.self) throws -> T {
        let integer: T? =
            switch self {
            case .number(let number): T(exactly: number)
            case .text(let digits): T(digits)
            case .list, .object: nil
            }
        guard let integer else { throw Mismatch(description: "\(self) is not \(T.self)") }
        return integer
    }

    func registered<T: TLSRegistered>(_ name: String, as type: T.Type = T.self) throws -> T {
        T(rawValue: try integer(name))
    }

    func digest(_ name: String) throws -> SHA256Digest { try SHA256Digest(decoding: try opaque(name)) }
}

// MARK: Structures

extension Frame {
    /// The frame that a vector's `meaning` describes.
    init(meaning: Value) throws {
        let name = try meaning.string("type")
        guard let type = FrameType.allCases.first(where: { $0.name == name }) else {
            throw Value.Mismatch(description: "no type \(name)")
        }
        self = try Frame(type, try meaning.field("body"))
    }

    private init(_ type: FrameType, _ body: Value) throws {
        self =
            switch type {
            case .hello:
                .hello(Hello(versions: try body.list("versions") { ProtocolVersion(rawValue: try $0.integer()) }))
            case .register:
                .register(
                    Register(identity: try Identity(body.field("identity")), signature: try body.opaque("signature")))
            case .authenticate:
                .authenticate(
                    Authenticate(
                        identity: try Identity(body.field("identity")), signature: try body.opaque("signature")))
            case .ping: .ping(Ping(data: try body.opaque("data")))
            case .pong: .pong(Pong(data: try body.opaque("data")))
            case .createGroup:
                .createGroup(CreateGroup(groupID: try body.opaque("group_id"), epoch: try body.registered("epoch")))
            case .publish: .publish(Publish(messages: try body.list("messages") { try $0.opaque("mls_message") }))
            case .subscribe: .subscribe(Subscribe(subscriptions: try body.list("subscriptions", Subscription.init)))
            case .unsubscribe:
                .unsubscribe(Unsubscribe(logs: try body.list("logs") { LogNumber(rawValue: try $0.integer()) }))
            case .credit: .credit(Credit(until: try body.list("until", Position.init)))
            case .acknowledge: .acknowledge(Acknowledge(positions: try body.list("positions", Position.init)))
            case .fetchKeyPackages:
                .fetchKeyPackages(FetchKeyPackages(requests: try body.list("requests", KeyPackageRequest.init)))
            case .countKeyPackages: .countKeyPackages(CountKeyPackages())
            case .fetchGroupInfo: .fetchGroupInfo(FetchGroupInfo(groupID: try body.opaque("group_id")))
            case .challenge: .challenge(try Challenge(body))
            case .ready: .ready(Ready(client: try body.registered("client"), time: try body.registered("time")))
            case .error: .error(try RelayError(body))
            case .done: .done(Done())
            case .goAway:
                .goAway(GoAway(graceMilliseconds: try body.integer("grace_ms"), text: try body.opaque("text")))
            case .groupCreated: .groupCreated(GroupCreated(log: try body.registered("log")))
            case .published: .published(Published(receipts: try body.list("receipts", Receipt.init)))
            case .subscribed: .subscribed(Subscribed(results: try body.list("results", SubscriptionResult.init)))
            case .keyPackages: .keyPackages(KeyPackages(results: try body.list("results", KeyPackageResult.init)))
            case .keyPackageCounts:
                .keyPackageCounts(KeyPackageCounts(counts: try body.list("counts", KeyPackageCount.init)))
            case .groupInfo:
                .groupInfo(GroupInfoAnswer(log: try body.registered("log"), message: try body.opaque("mls_message")))
            case .entry: .entry(EntryFrame(try Entry(body)))
            }
    }
}

extension FrameType {
    /// The name that PROTOCOL.md gives it.
    var name: String { snakeCase("\(self)") }
}

/// `keyPackages` as PROTOCOL.md writes it: `key_packages`.
func snakeCase(_ camelCase: String) -> String {
    camelCase.reduce(into: "") { name, character in
        if character.isUppercase { name += "_" }
        name += character.lowercased()
    }
}

extension Identity {
    init(_ value: Value) throws {
        self.init(
            name: try value.opaque("name"), scheme: try value.registered("scheme"),
            signatureKey: try value.opaque("signature_key"))
    }
}

extension Challenge {
    init(_ value: Value) throws {
        let limits = try value.field("limits")
        self.init(
            version: try value.registered("version"), serverName: try value.opaque("server_name"),
            nonce: try value.opaque("nonce"),
            limits: Limits(
                maxFrameByteCount: try limits.integer("max_frame_byte_count"),
                maxMessageByteCount: try limits.integer("max_message_byte_count"),
                maxMessagesPerPublish: try limits.integer("max_messages_per_publish"),
                maxRequestsInFlight: try limits.integer("max_requests_in_flight"),
                maxSubscriptions: try limits.integer("max_subscriptions"),
                idleTimeoutMilliseconds: try limits.integer("idle_timeout_ms")))
    }
}

extension RelayError {
    init(_ value: Value) throws {
        self.init(try value.registered("code"), "", detail: try value.opaque("detail"))
        text = try value.opaque("text")
    }
}

extension EpochDetail {
    init(_ value: Value) throws {
        self.init(
            log: try value.registered("log"), epoch: try value.registered("epoch"),
            commit: try value.registered("commit_seq"))
    }
}

extension VersionDetail {
    init(_ value: Value) throws {
        self.init(lowest: try value.registered("lowest"), highest: try value.registered("highest"))
    }
}

extension Receipt {
    init(_ value: Value) throws {
        self.init(
            message: try value.integer("message"), log: try value.registered("log"),
            sequenceNumber: try value.registered("seq"), time: try value.registered("time"),
            chain: try value.digest("chain"))
    }
}

extension LogName {
    init(_ value: Value) throws {
        guard let kind = LogKind(rawValue: try value.integer("kind")) else {
            throw Value.Mismatch(description: "no kind in \(value)")
        }
        self.init(kind: kind, name: try value.opaque("name"))
    }
}

extension Subscription {
    init(_ value: Value) throws {
        self.init(
            log: try LogName(value.field("log")), after: try value.registered("after"),
            until: try value.registered("until"))
    }
}

extension SubscriptionResult {
    init(_ value: Value) throws {
        self.init(
            log: try value.registered("log"), first: try value.registered("first"), last: try value.registered("last"),
            epoch: try value.registered("epoch"), chain: try value.digest("chain"))
        error = try value.registered("error")
    }
}

extension Position {
    init(_ value: Value) throws {
        self.init(log: try value.registered("log"), sequenceNumber: try value.registered("seq"))
    }
}

extension KeyPackageRequest {
    init(_ value: Value) throws {
        self.init(name: try value.opaque("name"), cipherSuite: try value.registered("cipher_suite"))
    }
}

extension KeyPackageResult {
    init(_ value: Value) throws {
        self.init(
            error: try value.registered("error"), client: try value.registered("client"),
            message: try value.opaque("mls_message"))
    }
}

extension KeyPackageCount {
    init(_ value: Value) throws {
        self.init(
            cipherSuite: try value.registered("cipher_suite"), count: try value.integer("count"),
            hasLastResort: try value.integer("last_resort", as: UInt8.self) == 1)
    }
}

extension Entry {
    init(_ value: Value) throws {
        self.init(
            header: EntryHeader(
                log: try value.registered("log"), sequenceNumber: try value.registered("seq"),
                time: try value.registered("time"), sender: try value.registered("sender"),
                kind: try value.registered("kind")),
            chain: try value.digest("chain"), payload: try value.opaque("payload"))
    }
}
