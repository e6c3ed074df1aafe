import MLSCodec
import MLSCrypto
import RelayWire
import TLSPresentation

/// A value as Wire/Vectors write it: opaque in hexadecimal digits, uint64 in decimal ones, other integers as numbers.
enum Value: Decodable, Equatable {
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

// MARK: What the code decoded, as the vectors write it

extension Value {
    /// The fields of any structure of the codec, under the names that PROTOCOL.md gives them.
    init(reflecting value: Any) throws {
        switch value {
        // Any empty array can be cast to [UInt8].
        case let bytes as [UInt8] where type(of: value) == [UInt8].self: self = .text(bytes.hex)
        case let digest as SHA256Digest: self = .text(digest.bytes.hex)
        case let flag as Bool: self = .number(flag ? 1 : 0)
        case let number as UInt64: self = .text("\(number)")
        case let number as any FixedWidthInteger & UnsignedInteger: self = .number(UInt64(number))
        case let number as any RawRepresentable: try self.init(reflecting: number.rawValue)
        case let list as [Any]: self = .list(try list.map { try Value(reflecting: $0) })
        case let administer as Administer: self = .object(try Self.fields(of: administer.action))
        case let admission as Admission: self = .object(try Self.fields(of: admission))
        default: self = .object(try Self.fields(of: value))
        }
    }

    private static func fields(of value: Any) throws -> [String: Value] {
        let mirror = Mirror(reflecting: value)
        guard mirror.displayStyle == .struct else { throw Mismatch(description: "\(value) is no structure") }
        var fields: [String: Value] = [:]
        for case (let label?, let child) in mirror.children {
            // A header or an Entry inside another structure has no braces of its own on the wire.
            if child is EntryHeader || child is Entry {
                fields.merge(try Self.fields(of: child)) { $1 }
            } else if let element = elementNames[label], let list = child as? [[UInt8]] {
                fields[snakeCase(label)] = .list(list.map { .object([element: .text($0.hex)]) })
            } else {
                fields[fieldName(label, in: value)] = try Value(reflecting: child)
            }
        }
        return fields
    }

    /// What a structure with a single field is called that the code has as its field alone.
    private static let elementNames = [
        "messages": "mls_message", "proposals": "mls_message", "names": "name", "banned": "name",
    ]

    private static func fieldName(_ label: String, in value: Any) -> String {
        switch (label, value) {
        case ("sequenceNumber", _): "seq"
        case ("directorySequenceNumber", _): "directory_seq"
        case ("groupID", _): "group_id"
        case ("retentionByteCount", _): "retention_bytes"
        case ("hasLastResort", _): "last_resort"
        case ("commit", is EpochDetail): "commit_seq"
        case ("message", is KeyPackageResult), ("message", is GroupInfoAnswer): "mls_message"
        default: snakeCase(label).replacing("milliseconds", with: "ms")
        }
    }

    // Structures that have a case each for a value of their first field.

    private static func fields(of admission: Admission) throws -> [String: Value] {
        var fields = ["type": try Value(reflecting: admission.type)]
        switch admission {
        case .open: break
        case .token(let token): fields["token"] = .text(token.hex)
        case .client(let client, let notAfter, let signature):
            fields["client"] = try Value(reflecting: client)
            fields["not_after"] = try Value(reflecting: notAfter)
            fields["signature"] = .text(signature.hex)
        }
        return fields
    }

    private static func fields(of action: Administer.Action) throws -> [String: Value] {
        let fields: [String: Any] =
            switch action {
            case .createToken(let uses, let notAfter, let note): ["uses": uses, "not_after": notAfter, "note": note]
            case .revokeToken(let token): ["token": token]
            case .listTokens: [:]
            case .suspendUser(let name), .resumeUser(let name): ["name": name]
            case .revokeClient(let client, let reason): ["client": client, "reason": reason]
            case .voidCommit(let log, let sequenceNumber, let text): ["log": log, "seq": sequenceNumber, "text": text]
            case .deleteGroup(let log): ["log": log]
            }
        return try fields.mapValues(Value.init(reflecting:)).merging(["type": Value(reflecting: action.type)]) { $1 }
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

// MARK: Structures that tests compute with

extension Identity {
    init(_ value: Value) throws {
        self.init(
            name: try value.opaque("name"), scheme: try value.registered("scheme"),
            signatureKey: try value.opaque("signature_key"))
    }
}

extension Admission {
    init(_ value: Value) throws {
        guard let type = AdmissionType(rawValue: try value.integer("type")) else {
            throw Value.Mismatch(description: "no type in \(value)")
        }
        self =
            switch type {
            case .open: .open
            case .token: .token(try value.opaque("token"))
            case .client:
                .client(
                    try value.registered("client"), notAfter: try value.registered("not_after"),
                    signature: try value.opaque("signature"))
            }
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
