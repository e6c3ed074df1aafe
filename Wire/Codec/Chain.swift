public import MLSCrypto
public import TLSPresentation

/// What kind of log a log is. PROTOCOL.md section 5.
public enum LogKind: UInt8, TLSCodable, Hashable, Sendable, CaseIterable {
    /// The messages of a group; its name is the group id.
    case group = 1
    /// What is meant for one client alone; its name is the client's number.
    case inbox = 2
    /// The registrations of identities; it has no name.
    case directory = 3
    /// The KeyPackages of one client and what became of them; its name is the client's number.
    case keyPackages = 4
    /// The creations of groups; it has no name, and operators alone read it.
    case groups = 5

    public init(from reader: inout Reader) throws(DecodingError) {
        let start = reader.byteOffset
        let rawValue = try reader.uint8()
        guard let kind = Self(rawValue: rawValue) else {
            throw DecodingError(.unknownValue(type: "LogKind", value: UInt64(rawValue)), at: start)
        }
        self = kind
    }
    public func encode(into writer: inout Writer) { writer.integer(rawValue) }
}

/// The name of a log, unique in a relay. PROTOCOL.md section 5.
/// ```
/// struct { LogKind kind; opaque name<V>; } LogName;
/// ```
public struct LogName: TLSCodable, Hashable, Sendable {
    public let kind: LogKind
    public let name: [UInt8]

    public init(kind: LogKind, name: [UInt8]) {
        self.kind = kind
        self.name = name
    }

    public static func group(_ groupID: [UInt8]) -> Self { Self(kind: .group, name: groupID) }
    public static func inbox(of client: ClientNumber) -> Self { Self(kind: .inbox, name: client.encoded) }
    public static func keyPackages(of client: ClientNumber) -> Self { Self(kind: .keyPackages, name: client.encoded) }
    public static let directory = Self(kind: .directory, name: [])
    public static let groups = Self(kind: .groups, name: [])

    public init(from reader: inout Reader) throws(DecodingError) {
        kind = try LogKind(from: &reader)
        name = try reader.opaque()
    }
    public func encode(into writer: inout Writer) {
        kind.encode(into: &writer)
        writer.opaque(name)
    }
}

extension LogName {
    /// The client whose inbox or KeyPackages the log is; nil for other logs, and for a name that is no client's number.
    public var client: ClientNumber? {
        guard kind == .inbox || kind == .keyPackages, name.count == 8 else { return nil }
        return ClientNumber(rawValue: name.reduce(0) { $0 << 8 | UInt64($1) })
    }
}

extension LogName: CustomStringConvertible {
    /// "group 0a0b", "inbox of client 7", "directory".
    public var description: String {
        switch kind {
        case .group: "group \(name.hex)"
        case .directory: "directory"
        case .groups: "log of groups"
        case .inbox: "inbox of client \(client.map(\.description) ?? name.hex)"
        case .keyPackages: "KeyPackages of client \(client.map(\.description) ?? name.hex)"
        }
    }
}

/// The hash chain of a log. PROTOCOL.md section 6.
///
/// A value keeps a hash context: one per thread that computes chains.
public struct Chain: ~Copyable {
    private var sha256 = SHA256()

    /// Bytes of EntryTBH, what is hashed per entry.
    static let inputByteCount = 32 + 4 * 8 + 1 + 32

    public init() {}

    /// The hash before the first entry: SHA-256("mlsrelay log" || LogName).
    public mutating func start(of log: LogName) -> SHA256Digest {
        sha256.update(Array("mlsrelay log".utf8))
        sha256.update(log.encoded)
        return sha256.finalize()
    }

    /// SHA-256 of an entry's payload, the `payload_hash` of `EntryTBH`.
    public mutating func payloadHash(_ payload: RawSpan) -> SHA256Digest { sha256.hash(payload) }

    /// The hash at an entry: SHA-256 of
    /// ```
    /// struct { opaque previous[32]; uint64 log; uint64 seq; uint64 time; uint64 sender; EntryKind kind;
    ///          opaque payload_hash[32]; } EntryTBH;
    /// ```
    public mutating func next(
        after previous: SHA256Digest, header: EntryHeader, payloadHash: SHA256Digest
    ) -> SHA256Digest {
        unsafe withUnsafeTemporaryAllocation(byteCount: Self.inputByteCount, alignment: 8) { input in
            guard let start = input.baseAddress else { preconditionFailure("the input has a fixed size") }
            unsafe previous.copyBytes(to: start)
            unsafe header.write(to: start + 32)
            unsafe payloadHash.copyBytes(to: start + 32 + EntryHeader.byteCount)
            return sha256.hash(unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(input)))
        }
    }
}
