public import MLSCodec
public import TLSPresentation

/// The KeyPackages of one user that are wanted: one of each of its clients. PROTOCOL.md section 7.5.
/// ```
/// struct { opaque name<V>; CipherSuite cipher_suites<V>; } KeyPackageRequest;
/// ```
public struct KeyPackageRequest: TLSCodable, Hashable, Sendable {
    /// The user's.
    public var name: [UInt8]
    /// RFC 9420 section 17.1. The first of which a client has a KeyPackage.
    public var cipherSuites: [CipherSuite]
    public init(name: [UInt8], cipherSuites: [CipherSuite]) {
        self.name = name
        self.cipherSuites = cipherSuites
    }
    public init(name: [UInt8], cipherSuite: CipherSuite) { self.init(name: name, cipherSuites: [cipherSuite]) }
    public init(from reader: inout Reader) throws(DecodingError) {
        name = try reader.opaque()
        cipherSuites = try reader.vector()
    }
    public func encode(into writer: inout Writer) {
        writer.opaque(name)
        writer.vector(cipherSuites)
    }
}

/// Takes a KeyPackage of each client of several users. PROTOCOL.md section 7.5.
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

/// What became of one KeyPackageRequest at one client. PROTOCOL.md section 7.5.
/// ```
/// struct { uint32 request; ErrorCode error; uint64 client; opaque mls_message<V>; } KeyPackageResult;
/// ```
public struct KeyPackageResult: TLSCodable, Hashable, Sendable {
    /// The index of the request in its frame; 0 in the answer to TakeInvited.
    public var request: UInt32
    /// `none`, or why there is no KeyPackage; the message is then empty.
    public var error: ErrorCode
    /// 0 where no client is known.
    public var client: ClientNumber
    /// An MLSMessage with a KeyPackage.
    public var message: [UInt8]
    public init(request: UInt32 = 0, error: ErrorCode, client: ClientNumber, message: [UInt8]) {
        self.request = request
        self.error = error
        self.client = client
        self.message = message
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        request = try reader.uint32()
        error = try ErrorCode(from: &reader)
        client = try ClientNumber(from: &reader)
        message = try reader.opaque()
    }
    public func encode(into writer: inout Writer) {
        writer.integer(request)
        error.encode(into: &writer)
        client.encode(into: &writer)
        writer.opaque(message)
    }
}

/// The answer to FetchKeyPackages, in the order of the requests, and to TakeInvited. PROTOCOL.md section 7.5.
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
/// struct { uint64 log; opaque mls_message<V>; opaque ratchet_tree<V>; MessageToPublish proposals<V>; }
///          GroupInfoAnswer;
/// ```
public struct GroupInfoAnswer: FrameBody {
    public static let type = FrameType.groupInfo
    public var log: LogNumber
    /// An MLSMessage with the GroupInfo.
    public var message: [UInt8]
    /// The group's ratchet tree (RFC 9420 section 12.4.3.3); empty if it is in the GroupInfo or the relay does not know it.
    public var ratchetTree: [UInt8]
    /// The proposals of this epoch, as they were published: an encoded MLSMessage each.
    public var proposals: [[UInt8]]
    public init(log: LogNumber, message: [UInt8], ratchetTree: [UInt8] = [], proposals: [[UInt8]] = []) {
        self.log = log
        self.message = message
        self.ratchetTree = ratchetTree
        self.proposals = proposals
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        message = try reader.opaque()
        ratchetTree = try reader.opaque()
        proposals = try reader.opaqueVector()
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        writer.opaque(message)
        writer.opaque(ratchetTree)
        writer.opaqueVector(proposals)
    }
}
