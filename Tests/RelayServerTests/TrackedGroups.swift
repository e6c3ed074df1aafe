import MLSCodec
import MLSCrypto
import RelayTransport
import RelayWire
import TLSPresentation
import TestSupport

/// What a follower of a log was given, checked as it comes: numbers dense, hashes chained, digests taken for what they
/// are.
struct FollowedEntries {
    /// An entry, or what there is of it.
    enum Item: Equatable {
        case entry([UInt8])
        case digest(SHA256Digest)
    }

    var last: SequenceNumber
    var hash: SHA256Digest
    var items: [SequenceNumber: Item] = [:]

    /// Behind what a subscription says.
    init(_ subscription: Subscription, _ result: SubscriptionResult) {
        let before = SequenceNumber(rawValue: max(result.first.rawValue, 1) - 1)
        last = max(subscription.after, before)
        hash = result.chain
    }

    mutating func take(_ entry: Entry) throws {
        var chain = Chain()
        let payload = entry.payload
        try take(entry.header, entry.chain, chain.payloadHash(payload.rawSpan), .entry(payload))
    }

    mutating func take(_ digest: EntryDigest) throws {
        try take(digest.header, digest.chain, digest.payloadHash, .digest(digest.payloadHash))
    }

    private mutating func take(
        _ header: EntryHeader, _ hash: SHA256Digest, _ payloadHash: SHA256Digest, _ item: Item
    ) throws {
        var chain = Chain()
        guard header.sequenceNumber == last.next,
            hash == chain.next(after: self.hash, header: header, payloadHash: payloadHash)
        else {
            throw FakeServer.Failure(description: "entry \(header.sequenceNumber) after \(last), or a broken chain")
        }
        (last, self.hash) = (header.sequenceNumber, hash)
        items[header.sequenceNumber] = item
    }

    /// The numbers of entries that came whole.
    var entries: [UInt64] {
        items.filter { if case .entry = $0.value { true } else { false } }.map(\.key.rawValue).sorted()
    }
    /// The numbers of entries that came as digests.
    var digests: [UInt64] {
        items.filter { if case .digest = $0.value { true } else { false } }.map(\.key.rawValue).sorted()
    }
}

/// A client in tracked groups whose messages are made up: handshakes are private, and whoever wants joins by an external
/// commit.
final class GroupClient {
    let client: BlockingClient
    let number: ClientNumber
    let name: String
    let key: SigningKey
    var followed: [LogNumber: FollowedEntries] = [:]
    /// Receipts that were pushed, the newest last.
    var receipts: [Receipts] = []
    private var messageCount: UInt64 = 0
    private var hasOwnGroup = false

    init(_ name: String, on relay: RunningRelay, _ scheme: Scheme = .tcp, key: SigningKey? = nil) throws {
        let key = try key ?? SigningKey.generate(.ed25519)
        client = try relay.connect(scheme)
        number = try client.logIn(name, key: key)
        (self.name, self.key) = (name, key)
    }

    // MARK: Frames

    /// Takes the next frame that answers something; entries and receipts that come before are kept.
    private func answer() throws -> (RequestID, Frame) {
        while true {
            let (request, frame) = try client.expect()
            guard request == .none else { return (request, frame) }
            try take(frame)
        }
    }

    private func take(_ frame: Frame) throws {
        switch frame {
        case .entry(let frame): try take(frame.entry.header.log) { (log) in try log.take(frame.entry) }
        case .entryDigest(let digest): try take(digest.header.log) { (log) in try log.take(digest) }
        case .receipts(let pushed): receipts.append(pushed)
        default: throw FakeServer.Failure(description: "\(name): \(frame)")
        }
    }

    private func take(_ log: LogNumber, _ body: (inout FollowedEntries) throws -> Void) throws {
        guard var entries = followed[log] else {
            throw FakeServer.Failure(description: "\(name) does not follow \(log)")
        }
        try body(&entries)
        followed[log] = entries
    }

    /// Sends a request and returns its answer; entries that come before are kept.
    func request(_ body: some FrameBody) throws -> Frame {
        let request = try client.send(body)
        let (answered, frame) = try answer()
        guard answered == request else { throw FakeServer.Failure(description: "an answer to something else") }
        return frame
    }

    /// The code that a request is refused with.
    func refusal(_ body: some FrameBody) throws -> ErrorCode? {
        if case .error(let error) = try request(body) { error.code } else { nil }
    }

    func expectDone(_ body: some FrameBody) throws {
        let answer = try request(body)
        guard answer == .done(Done()) else { throw FakeServer.Failure(description: "\(name): \(answer)") }
    }

    /// What the next answer, which is to a Publish, has.
    func nextReceipts() throws -> [Receipt] {
        switch try answer().1 {
        case .published(let published): return published.receipts
        case let other: throw FakeServer.Failure(description: "\(name): \(other)")
        }
    }

    @discardableResult
    private func receipts(_ body: some FrameBody) throws -> [Receipt] {
        switch try request(body) {
        case .published(let published): return published.receipts
        case let other: throw FakeServer.Failure(description: "\(name): \(other)")
        }
    }

    // MARK: Groups

    private func nextNumber() -> UInt64 {
        messageCount += 1
        return number.rawValue << 32 | messageCount
    }

    func create(
        _ groupID: [UInt8], _ change: (inout GroupPolicy) -> Void = { _ in }
    ) throws -> LogNumber {
        var policy = GroupPolicy(mode: .privateHandshake, join: .open)
        change(&policy)
        let commit = privateMessage(groupID, contentType: 3, number: nextNumber())
        let frame = CreateGroup(
            groupID: groupID, epoch: Epoch(rawValue: 0), name: [], alias: [], policy: policy,
            messages: [commit, Self.groupInfo(groupID, epoch: 1)])
        guard case .groupCreated(let created) = try request(frame) else {
            throw FakeServer.Failure(description: "no group")
        }
        return created.log
    }

    /// Joins a group that is in `epoch`.
    @discardableResult
    func join(_ groupID: [UInt8], epoch: UInt64) throws -> SequenceNumber {
        let commit = publicMessage(
            groupID, epoch, .newMemberCommit, .commit(Commit(proposals: [], path: nil)), number: nextNumber())
        let published = Publish(messages: [commit, Self.groupInfo(groupID, epoch: epoch + 1)])
        return try receipts(published)[0].sequenceNumber
    }

    /// Joins anew in the place of its earlier self.
    @discardableResult
    func rejoin(_ groupID: [UInt8], epoch: UInt64) throws -> SequenceNumber {
        let commit = publicMessage(
            groupID, epoch, .newMemberCommit, .commit(Commit(proposals: [], path: nil)), number: nextNumber())
        let frame = PublishCommit(
            messages: [commit, Self.groupInfo(groupID, epoch: epoch + 1)], added: [number], removed: [number])
        return try receipts(frame)[0].sequenceNumber
    }

    /// Publishes an application message.
    @discardableResult
    func say(_ groupID: [UInt8], epoch: UInt64, byteCount: Int = 16) throws -> SequenceNumber {
        let message = privateMessage(groupID, epoch: epoch, number: nextNumber(), byteCount: byteCount)
        return try receipts(Publish(messages: [message]))[0].sequenceNumber
    }

    @discardableResult
    func commit(_ groupID: [UInt8], epoch: UInt64, removing removed: [ClientNumber] = []) throws -> SequenceNumber {
        let commit = privateMessage(groupID, epoch: epoch, contentType: 3, number: nextNumber())
        let frame = PublishCommit(
            messages: [commit, Self.groupInfo(groupID, epoch: epoch + 1)], added: [], removed: removed)
        return try receipts(frame)[0].sequenceNumber
    }

    /// Publishes a proposal to remove itself.
    @discardableResult
    func leave(_ groupID: [UInt8], epoch: UInt64) throws -> SequenceNumber {
        let proposal = publicMessage(
            groupID, epoch, .member(LeafIndex(rawValue: 1)), .proposal(.selfRemove), number: nextNumber())
        return try receipts(Publish(messages: [proposal]))[0].sequenceNumber
    }

    private func publicMessage(
        _ groupID: [UInt8], _ epoch: UInt64, _ sender: Sender, _ content: FramedContent.Content, number: UInt64
    ) -> [UInt8] {
        let message = PublicMessage(
            content: FramedContent(groupID: groupID, epoch: epoch, sender: sender, content: content),
            auth: FramedContentAuthData(
                signature: number.encoded, confirmationTag: content.contentType == .commit ? [1] : nil),
            membershipTag: sender.senderType == .member ? [2] : nil)
        return MLSMessage.publicMessage(message).encoded
    }

    static func groupInfo(_ groupID: [UInt8], epoch: UInt64) -> [UInt8] {
        let context = GroupContext(
            cipherSuite: CipherSuite(rawValue: 1), groupID: groupID, epoch: epoch, treeHash: [3],
            confirmedTranscriptHash: [4], extensions: [])
        let info = GroupInfo(
            groupContext: context, extensions: [], confirmationTag: [5], signer: LeafIndex(rawValue: 0), signature: [6])
        return MLSMessage.groupInfo(info).encoded
    }

    // MARK: Following

    @discardableResult
    func follow(
        _ groupID: [UInt8], after: UInt64 = 0, until: SequenceNumber = .unlimited
    ) throws -> SubscriptionResult {
        try follow([Subscription(log: .group(groupID), after: SequenceNumber(rawValue: after), until: until)])[0]
    }

    func follow(_ subscriptions: [Subscription]) throws -> [SubscriptionResult] {
        // Entries may come with the answer.
        let request = try client.send(Subscribe(subscriptions: subscriptions))
        let (answered, frame) = try answer()
        guard answered == request, case .subscribed(let answer) = frame else {
            throw FakeServer.Failure(description: "not subscribed")
        }
        for (subscription, result) in zip(subscriptions, answer.results) where result.error == .none {
            followed[result.log] = FollowedEntries(subscription, result)
        }
        return answer.results
    }

    func acknowledge(_ log: LogNumber, _ number: SequenceNumber) throws {
        try expectDone(Acknowledge(positions: [Position(log: log, sequenceNumber: number)]))
    }

    /// Reads until an entry has come.
    func read(_ log: LogNumber, through number: SequenceNumber) throws {
        while let last = followed[log]?.last, last < number {
            let (request, frame) = try client.expect()
            guard request == .none else { throw FakeServer.Failure(description: "\(frame)") }
            try take(frame)
        }
    }

    /// Reads until receipts were pushed that are as wanted.
    func readReceipts(until isEnough: (Receipts) -> Bool) throws -> Receipts {
        while true {
            if let last = receipts.last, isEnough(last) { return last }
            let (_, frame) = try client.expect()
            try take(frame)
        }
    }

    /// Follows a group and acknowledges an entry of it.
    func acknowledgeAfterFollowing(_ groupID: [UInt8], _ number: SequenceNumber) throws {
        let log = try follow(groupID).log
        try acknowledge(log, number)
    }

    func expectReceipts(_ body: FollowReceipts) throws {
        guard case .receipts = try request(body) else { throw FakeServer.Failure(description: "no receipts") }
    }

    /// Everything that was published before has come when this returns.
    func settle() throws {
        // What was written before this is known to the connection's loop when the answer is.
        let group = Array("own of \(name)".utf8)
        if !hasOwnGroup { _ = try request(CreateGroup(groupID: group, epoch: Epoch(rawValue: 0))) }
        hasOwnGroup = true
        try receipts(Publish(messages: [privateMessage(group, number: nextNumber())]))
        for data in [1, 2] as [UInt8] {
            guard case .pong = try request(Ping(data: [data])) else { throw FakeServer.Failure(description: "no Pong") }
        }
    }
}

extension RunningRelay {
    /// What Prometheus would be given.
    func metrics() throws -> String {
        let peer = try FakePeer(connectingTo: port(.ws))
        try peer.write(Array("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8))
        return String(decoding: try peer.readToEnd(), as: UTF8.self)
    }
}
