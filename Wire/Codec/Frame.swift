public import TLSPresentation

/// What every frame's body begins with. PROTOCOL.md section 3.
/// ```
/// struct { FrameType type; uint32 request_id; } FrameHeader;
/// ```
public struct FrameHeader: Hashable, Sendable {
    /// A `FrameType`; kept as a number, because an unknown one is answered with an error that has its request id.
    public var type: UInt8
    public var requestID: RequestID

    public static let byteCount = 1 + 4

    public init(type: FrameType, requestID: RequestID) {
        self.type = type.rawValue
        self.requestID = requestID
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        type = try reader.uint8()
        requestID = try RequestID(from: &reader)
    }
}

/// The body of one type of frame, after the header.
public protocol FrameBody: TLSCodable, Hashable, Sendable {
    static var type: FrameType { get }
}

extension FrameBody {
    /// The whole frame, length included.
    public func frame(_ requestID: RequestID) -> [UInt8] {
        var writer = Writer()
        writeFrame(requestID, into: &writer)
        return writer.bytes
    }

    /// Appends the whole frame, length included.
    public func writeFrame(_ requestID: RequestID, into writer: inout Writer) {
        writer.vector { writer in
            writer.integer(Self.type.rawValue)
            requestID.encode(into: &writer)
            encode(into: &writer)
        }
    }
}

/// Any frame that this version of the protocol has, decoded whole.
///
/// Clients, tools and tests use it. The relay's hot path reads `publish` and writes `entry` in place instead.
public enum Frame: Hashable, Sendable {
    case hello(Hello)
    case register(Register)
    case authenticate(Authenticate)
    case ping(Ping)
    case pong(Pong)
    case issueCredential(IssueCredential)
    case rotateKey(RotateKey)
    case revokeClient(RevokeClient)
    case lookUp(LookUp)
    case searchUsers(SearchUsers)
    case setVisibility(SetVisibility)
    case fetchAuthority(FetchAuthority)
    case administer(Administer)
    case createGroup(CreateGroup)
    case publish(Publish)
    case subscribe(Subscribe)
    case unsubscribe(Unsubscribe)
    case credit(Credit)
    case acknowledge(Acknowledge)
    case fetchKeyPackages(FetchKeyPackages)
    case countKeyPackages(CountKeyPackages)
    case fetchGroupInfo(FetchGroupInfo)
    case publishCommit(PublishCommit)
    case denyCommit(DenyCommit)
    case updateGroup(UpdateGroup)
    case setRole(SetRole)
    case ban(Ban)
    case deleteGroup(DeleteGroup)
    case describeGroup(DescribeGroup)
    case listGroups(ListGroups)
    case invite(Invite)
    case answerInvitation(AnswerInvitation)
    case takeInvited(TakeInvited)
    case followReceipts(FollowReceipts)
    case checkHeads(CheckHeads)
    case challenge(Challenge)
    case ready(Ready)
    case error(RelayError)
    case done(Done)
    case goAway(GoAway)
    case credential(CredentialAnswer)
    case users(Users)
    case userNames(UserNames)
    case authority(Authority)
    case administered(Administered)
    case groupCreated(GroupCreated)
    case published(Published)
    case subscribed(Subscribed)
    case keyPackages(KeyPackages)
    case keyPackageCounts(KeyPackageCounts)
    case groupInfo(GroupInfoAnswer)
    case groupDescription(GroupDescription)
    case groupList(GroupList)
    case invited(Invited)
    case receipts(Receipts)
    case headsChecked(HeadsChecked)
    case entry(EntryFrame)
    case entryDigest(EntryDigest)

    /// Decodes a frame's body, without its length.
    public static func decode(_ span: RawSpan) throws(DecodingError) -> (RequestID, Frame) {
        var reader = Reader(span)
        let header = try FrameHeader(from: &reader)
        guard let type = FrameType(rawValue: header.type) else {
            throw DecodingError(.unknownValue(type: "FrameType", value: UInt64(header.type)), at: 0)
        }
        let frame = try Frame(type, from: &reader)
        try reader.expectEnd()
        return (header.requestID, frame)
    }

    private init(_ type: FrameType, from reader: inout Reader) throws(DecodingError) {
        self =
            switch type {
            case .hello: .hello(try Hello(from: &reader))
            case .register: .register(try Register(from: &reader))
            case .authenticate: .authenticate(try Authenticate(from: &reader))
            case .ping: .ping(try Ping(from: &reader))
            case .pong: .pong(try Pong(from: &reader))
            case .issueCredential: .issueCredential(try IssueCredential(from: &reader))
            case .rotateKey: .rotateKey(try RotateKey(from: &reader))
            case .revokeClient: .revokeClient(try RevokeClient(from: &reader))
            case .lookUp: .lookUp(try LookUp(from: &reader))
            case .searchUsers: .searchUsers(try SearchUsers(from: &reader))
            case .setVisibility: .setVisibility(try SetVisibility(from: &reader))
            case .fetchAuthority: .fetchAuthority(try FetchAuthority(from: &reader))
            case .administer: .administer(try Administer(from: &reader))
            case .createGroup: .createGroup(try CreateGroup(from: &reader))
            case .publish: .publish(try Publish(from: &reader))
            case .subscribe: .subscribe(try Subscribe(from: &reader))
            case .unsubscribe: .unsubscribe(try Unsubscribe(from: &reader))
            case .credit: .credit(try Credit(from: &reader))
            case .acknowledge: .acknowledge(try Acknowledge(from: &reader))
            case .fetchKeyPackages: .fetchKeyPackages(try FetchKeyPackages(from: &reader))
            case .countKeyPackages: .countKeyPackages(try CountKeyPackages(from: &reader))
            case .fetchGroupInfo: .fetchGroupInfo(try FetchGroupInfo(from: &reader))
            case .publishCommit: .publishCommit(try PublishCommit(from: &reader))
            case .denyCommit: .denyCommit(try DenyCommit(from: &reader))
            case .updateGroup: .updateGroup(try UpdateGroup(from: &reader))
            case .setRole: .setRole(try SetRole(from: &reader))
            case .ban: .ban(try Ban(from: &reader))
            case .deleteGroup: .deleteGroup(try DeleteGroup(from: &reader))
            case .describeGroup: .describeGroup(try DescribeGroup(from: &reader))
            case .listGroups: .listGroups(try ListGroups(from: &reader))
            case .invite: .invite(try Invite(from: &reader))
            case .answerInvitation: .answerInvitation(try AnswerInvitation(from: &reader))
            case .takeInvited: .takeInvited(try TakeInvited(from: &reader))
            case .followReceipts: .followReceipts(try FollowReceipts(from: &reader))
            case .checkHeads: .checkHeads(try CheckHeads(from: &reader))
            case .challenge: .challenge(try Challenge(from: &reader))
            case .ready: .ready(try Ready(from: &reader))
            case .error: .error(try RelayError(from: &reader))
            case .done: .done(try Done(from: &reader))
            case .goAway: .goAway(try GoAway(from: &reader))
            case .credential: .credential(try CredentialAnswer(from: &reader))
            case .users: .users(try Users(from: &reader))
            case .userNames: .userNames(try UserNames(from: &reader))
            case .authority: .authority(try Authority(from: &reader))
            case .administered: .administered(try Administered(from: &reader))
            case .groupCreated: .groupCreated(try GroupCreated(from: &reader))
            case .published: .published(try Published(from: &reader))
            case .subscribed: .subscribed(try Subscribed(from: &reader))
            case .keyPackages: .keyPackages(try KeyPackages(from: &reader))
            case .keyPackageCounts: .keyPackageCounts(try KeyPackageCounts(from: &reader))
            case .groupInfo: .groupInfo(try GroupInfoAnswer(from: &reader))
            case .groupDescription: .groupDescription(try GroupDescription(from: &reader))
            case .groupList: .groupList(try GroupList(from: &reader))
            case .invited: .invited(try Invited(from: &reader))
            case .receipts: .receipts(try Receipts(from: &reader))
            case .headsChecked: .headsChecked(try HeadsChecked(from: &reader))
            case .entry: .entry(try EntryFrame(from: &reader))
            case .entryDigest: .entryDigest(try EntryDigest(from: &reader))
            }
    }

    /// The body in this frame.
    public var body: any FrameBody {
        switch self {
        case .hello(let body): body
        case .register(let body): body
        case .authenticate(let body): body
        case .ping(let body): body
        case .pong(let body): body
        case .issueCredential(let body): body
        case .rotateKey(let body): body
        case .revokeClient(let body): body
        case .lookUp(let body): body
        case .searchUsers(let body): body
        case .setVisibility(let body): body
        case .fetchAuthority(let body): body
        case .administer(let body): body
        case .createGroup(let body): body
        case .publish(let body): body
        case .subscribe(let body): body
        case .unsubscribe(let body): body
        case .credit(let body): body
        case .acknowledge(let body): body
        case .fetchKeyPackages(let body): body
        case .countKeyPackages(let body): body
        case .fetchGroupInfo(let body): body
        case .publishCommit(let body): body
        case .denyCommit(let body): body
        case .updateGroup(let body): body
        case .setRole(let body): body
        case .ban(let body): body
        case .deleteGroup(let body): body
        case .describeGroup(let body): body
        case .listGroups(let body): body
        case .invite(let body): body
        case .answerInvitation(let body): body
        case .takeInvited(let body): body
        case .followReceipts(let body): body
        case .checkHeads(let body): body
        case .challenge(let body): body
        case .ready(let body): body
        case .error(let body): body
        case .done(let body): body
        case .goAway(let body): body
        case .credential(let body): body
        case .users(let body): body
        case .userNames(let body): body
        case .authority(let body): body
        case .administered(let body): body
        case .groupCreated(let body): body
        case .published(let body): body
        case .subscribed(let body): body
        case .keyPackages(let body): body
        case .keyPackageCounts(let body): body
        case .groupInfo(let body): body
        case .groupDescription(let body): body
        case .groupList(let body): body
        case .invited(let body): body
        case .receipts(let body): body
        case .headsChecked(let body): body
        case .entry(let body): body
        case .entryDigest(let body): body
        }
    }
}

/// Finds the frames in a stream of bytes. PROTOCOL.md section 3.
public enum FrameSplitter {
    public enum Step: Equatable, Sendable {
        /// A whole frame is there: its body stands at these bytes; the next frame begins at their end.
        case frame(body: Range<Int>)
        /// The frame is not whole yet; it ends at least at this byte.
        case incomplete(untilAtLeast: Int)
    }

    /// Looks at the frame that begins at byte `start` of `span`.
    /// - Throws: `invalidVarintPrefix`, `nonMinimalVarint`, or `invalidLength` as soon as a length over
    ///   `maxByteCount` (or below a header's) is seen, before its body has come.
    public static func step(_ span: RawSpan, from start: Int, maxByteCount: Int) throws(DecodingError) -> Step {
        guard start < span.byteCount else { return .incomplete(untilAtLeast: start + 1) }
        var reader = Reader(span.extracting(start..<span.byteCount), base: start)
        let lengthByteCount = 1 << Int(unsafe span.unsafeLoad(fromByteOffset: start, as: UInt8.self) >> 6)
        guard lengthByteCount > 4 || reader.remainingByteCount >= lengthByteCount else {
            return .incomplete(untilAtLeast: start + lengthByteCount)
        }
        let bodyByteCount = try reader.varint()
        guard bodyByteCount >= FrameHeader.byteCount, bodyByteCount <= maxByteCount else {
            throw DecodingError(.invalidLength(type: "frame", byteCount: bodyByteCount), at: start)
        }
        let bodyStart = start + lengthByteCount
        guard reader.remainingByteCount >= bodyByteCount else {
            return .incomplete(untilAtLeast: bodyStart + bodyByteCount)
        }
        return .frame(body: bodyStart..<bodyStart + bodyByteCount)
    }
}
