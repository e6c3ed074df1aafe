public import MLSCodec
public import TLSPresentation

/// One KeyPackage that is wanted. PROTOCOL.md section 7.5.
/// ```
/// struct { opaque name<V>; CipherSuite cipher_suite; } KeyPackageRequest;
/// ```
public struct KeyPackageRequest: TLSCodable, Hashable, Sendable {
    /// The name of the identity that published it.
    public var name: [UInt8]
    /// RFC 9420 section 17.1.
    public var cipherSuite: CipherSuite
    public init(name: [UInt8], cipherSuite: CipherSuite) {
        self.name = name
        self.cipherSuite = cipherSuite
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        name = try reader.opaque()
        cipherSuite = try CipherSuite(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        writer.opaque(name)
        cipherSuite.encode(into: &writer)
    }
}

/// Takes a KeyPackage of each of several clients. PROTOCOL.md section 7.5.
/// ```
/// struct { KeyPackageRequest requests<V>; } FetchKeyPackages;
/// ```
public struct FetchKeyPackages: FrameBody {
    public static let type = FrameType.fetchKeyPackages
    public var requests: [KeyPackageRequest]
    public init(requests: [KeyPackageRequest]) { self.requests = requests }
    public init(from reader: inout Reader) throws(DecodingError) { requests = try reader.vector() }
    public func encode(into writer: inout Writer) { writer.vector(requests) }
}

/// What became of one KeyPackageRequest. PROTOCOL.md section 7.5.
/// ```
/// struct { ErrorCode error; uint64 client; opaque mls_message<V>; } KeyPackageResult;
/// ```
public struct KeyPackageResult: TLSCodable, Hashable, Sendable {
    /// `none`, or why there is no KeyPackage; the message is then empty.
    public var error: ErrorCode
    public var client: ClientNumber
    /// An MLSMessage with a KeyPackage.
    public var message: [UInt8]
    public init(error: ErrorCode, client: ClientNumber, message: [UInt8]) {
        self.error = error
        self.client = client
        self.message = message
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        error = try ErrorCode(from: &reader)
        client = try ClientNumber(from: &reader)
        message = try reader.opaque()
    }
    public func encode(into writer: inout Writer) {
        error.encode(into: &writer)
        client.encode(into: &writer)
        writer.opaque(message)
    }
}

/// The answer to FetchKeyPackages, a result for each request in its order. PROTOCOL.md section 7.5.
/// ```
/// struct { KeyPackageResult results<V>; } KeyPackages;
/// ```
public struct KeyPackages: FrameBody {
    public static let type = FrameType.keyPackages
    public var results: [KeyPackageResult]
    public init(results: [KeyPackageResult]) { self.results = results }
    public init(from reader: inout Reader) throws(DecodingError) { results = try reader.vector() }
    public func encode(into writer: inout Writer) { writer.vector(results) }
}

/// Asks how many of the client's own KeyPackages are left. PROTOCOL.md section 7.5.
/// ```
/// struct { } CountKeyPackages;
/// ```
public struct CountKeyPackages: FrameBody {
    public static let type = FrameType.countKeyPackages
    public init() {}
    public init(from reader: inout Reader) throws(DecodingError) {}
    public func encode(into writer: inout Writer) {}
}

/// How many KeyPackages of a suite are left. PROTOCOL.md section 7.5.
/// ```
/// struct { CipherSuite cipher_suite; uint32 count; uint8 last_resort; } KeyPackageCount;
/// ```
public struct KeyPackageCount: TLSCodable, Hashable, Sendable {
    public var cipherSuite: CipherSuite
    /// Those that are handed out once.
    public var count: UInt32
    /// Whether there is a last-resort KeyPackage.
    public var hasLastResort: Bool
    public init(cipherSuite: CipherSuite, count: UInt32, hasLastResort: Bool) {
        self.cipherSuite = cipherSuite
        self.count = count
        self.hasLastResort = hasLastResort
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        cipherSuite = try CipherSuite(from: &reader)
        count = try reader.uint32()
        hasLastResort = try reader.isPresent()
    }
    public func encode(into writer: inout Writer) {
        cipherSuite.encode(into: &writer)
        writer.integer(count)
        writer.isPresent(hasLastResort)
    }
}

/// The answer to CountKeyPackages, in ascending order of suites. PROTOCOL.md section 7.5.
/// ```
/// struct { KeyPackageCount counts<V>; } KeyPackageCounts;
/// ```
public struct KeyPackageCounts: FrameBody {
    public static let type = FrameType.keyPackageCounts
    public var counts: [KeyPackageCount]
    public init(counts: [KeyPackageCount]) { self.counts = counts }
    public init(from reader: inout Reader) throws(DecodingError) { counts = try reader.vector() }
    public func encode(into writer: inout Writer) { writer.vector(counts) }
}

/// Asks for the newest GroupInfo of a group. PROTOCOL.md section 7.6.
/// ```
/// struct { opaque group_id<V>; } FetchGroupInfo;
/// ```
public struct FetchGroupInfo: FrameBody {
    public static let type = FrameType.fetchGroupInfo
    public var groupID: [UInt8]
    public init(groupID: [UInt8]) { self.groupID = groupID }
    public init(from reader: inout Reader) throws(DecodingError) { groupID = try reader.opaque() }
    public func encode(into writer: inout Writer) { writer.opaque(groupID) }
}

/// The answer to FetchGroupInfo. PROTOCOL.md section 7.6.
/// ```
/// struct { uint64 log; opaque mls_message<V>; } GroupInfoAnswer;
/// ```
public struct GroupInfoAnswer: FrameBody {
    public static let type = FrameType.groupInfo
    public var log: LogNumber
    /// An MLSMessage with the GroupInfo.
    public var message: [UInt8]
    public init(log: LogNumber, message: [UInt8]) {
        self.log = log
        self.message = message
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        message = try reader.opaque()
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        writer.opaque(message)
    }
}
