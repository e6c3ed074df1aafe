public import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
public import MLSTestSupport
public import RelayCore
public import RelayWire
import TLSPresentation
public import TestSupport

/// A client of a relay with its side of MLS: what a person's device is.
public final class RelayDevice {
    public let name: String
    public var device: Device
    public let client: ClientNumber
    /// The KeyPackages that it has published, newest last.
    public var applicants: [Applicant] = []
    public var member: GroupMember?

    init(name: String, device: Device, client: ClientNumber) {
        self.name = name
        self.device = device
        self.client = client
    }

    public var group: GroupMember {
        get throws {
            guard let member else { throw GroupMember.UnexpectedMessage() }
            return member
        }
    }
}

/// Clients with real MLS state around one relay and one tracked group.
public final class GroupScene {
    public let relay: TestRelay
    public let groupID: [UInt8]
    public private(set) var devices: [String: RelayDevice] = [:]
    public var log = LogNumber.none
    public let framing: GroupConfiguration.HandshakeFraming

    public init(
        _ kind: TestRelay.StateKind, in directory: TemporaryDirectory, framing: GroupConfiguration.HandshakeFraming,
        groupID: String = "group", limits: CoreLimits = .init(), rules: RelayRules = .init()
    ) throws {
        relay = try TestRelay(kind, in: directory, limits: limits, rules: rules)
        relay.now = Timestamp(rawValue: TestClient.now * 1000)
        self.framing = framing
        self.groupID = Array(groupID.utf8)
    }

    /// Another group of the same clients on the same relay.
    public init(sharing other: GroupScene, groupID: String) throws {
        relay = other.relay
        framing = other.framing
        self.groupID = Array(groupID.utf8)
        devices = other.devices.mapValues { RelayDevice(name: $0.name, device: $0.device, client: $0.client) }
    }

    public subscript(name: String) -> RelayDevice {
        guard let device = devices[name] else { preconditionFailure("\(name) is registered") }
        return device
    }

    public static func policy(
        _ framing: GroupConfiguration.HandshakeFraming, join: JoinRule = .direct,
        _ change: (inout GroupPolicy) -> Void = { _ in }
    ) -> GroupPolicy {
        var policy = GroupPolicy()
        policy.mode = framing == .publicMessage ? .publicHandshake : .privateHandshake
        policy.join = join
        change(&policy)
        return policy
    }

    // MARK: Clients

    /// Registers a user of this name, and publishes a KeyPackage for it.
    @discardableResult
    public func register(_ names: String...) throws -> [RelayDevice] {
        var registeredDevices: [RelayDevice] = []
        for name in names {
            var configuration = Device.configuration
            configuration.handshakeFraming = framing
            let device = try Device(name, configuration: configuration)
            let identity = try Identity(
                name: Array(name.utf8), scheme: device.suite.signatureScheme,
                signatureKey: device.identity.signingKey.publicKey.bytes)
            guard case .registered(let client) = try relay.perform(.register(identity)).outcome else {
                preconditionFailure("registered or refused")
            }
            let registered = RelayDevice(name: name, device: device, client: client)
            devices[name] = registered
            try publishKeyPackage(of: name)
            registeredDevices.append(registered)
        }
        return registeredDevices
    }

    @discardableResult
    public func publishKeyPackage(of name: String) throws -> Applicant {
        let applicant = try self[name].device.applies()
        self[name].applicants.append(applicant)
        try relay.publish(
            TestMessage(bytes: MLSMessage.keyPackage(applicant.keyPackage).encoded), by: self[name].client)
        return applicant
    }

    // MARK: The group

    /// Creates the group, with these in it from the beginning.
    public func create(
        by creator: String, with names: [String] = [], policy: GroupPolicy? = nil, name: String = "Group",
        alias: String = ""
    ) throws {
        let device = self[creator]
        device.member = try device.device.creates(groupID)
        let messages = try commitMessages(by: creator, adding: names, hasTree: true)
        let new = NewGroup(
            groupID: groupID, epoch: Epoch(rawValue: 0), name: Array(name.utf8), alias: Array(alias.utf8),
            policy: policy ?? Self.policy(framing))
        let result = try relay.perform(.createTrackedGroup(new, messages.published), by: device.client)
        guard case .answered(let frame) = result.outcome else { preconditionFailure("answered or refused") }
        log = try frame.decoded(as: GroupCreated.self).log
        try accept(messages, by: creator, adding: names)
    }

    /// What a commit is published with.
    public struct Messages {
        public var made: CommitMessages
        public var published: [TestMessage]
    }

    public func commitMessages(
        by name: String, adding added: [String] = [], removing removed: [String] = [], hasTree: Bool = false,
        _ change: (inout CommitOptions) -> Void = { _ in }
    ) throws -> Messages {
        var options = CommitOptions()
        for name in added {
            guard let applicant = self[name].applicants.last else { preconditionFailure("\(name) has a KeyPackage") }
            options.proposals.append(applicant.add)
        }
        for name in removed { options.proposals.append(.remove(Remove(removed: try self[name].group.leaf))) }
        options.makesGroupInfo = true
        options.hasTreeInGroupInfo = hasTree
        change(&options)
        let made = try self[name].group.commit(options)
        return Messages(made: made, published: Self.published(made))
    }

    /// A commit, its Welcome and its GroupInfo, as they are published.
    public static func published(_ made: CommitMessages) -> [TestMessage] {
        [made.commit, made.welcome, made.groupInfo].compactMap { $0 }.map { TestMessage(bytes: $0) }
    }

    public func publish(
        _ messages: Messages, by name: String, adding added: [String] = [], removing removed: [String] = []
    ) throws -> TestRelay.Result {
        guard framing == .privateMessage else {
            return try relay.perform(.publish(messages.published), by: self[name].client)
        }
        let roster = DeclaredRoster(added: added.map { self[$0].client }, removed: removed.map { self[$0].client })
        return try relay.perform(.publishCommit(messages.published, roster), by: self[name].client)
    }

    /// Commits, and lets everybody take the commit; who is added joins, who is removed goes.
    @discardableResult
    public func commit(
        by name: String, adding added: [String] = [], removing removed: [String] = [],
        _ change: (inout CommitOptions) -> Void = { _ in }
    ) throws -> [Receipt] {
        let messages: Messages
        do {
            messages = try commitMessages(by: name, adding: added, removing: removed, change)
            let receipts = try publish(messages, by: name, adding: added, removing: removed).receipts
            try accept(messages, by: name, adding: added, removing: removed)
            return receipts
        } catch let error as RelayError {
            self[name].member?.group.discardPendingCommit()
            throw error
        }
    }

    /// Everybody takes an accepted commit.
    public func accept(
        _ messages: Messages, by name: String, adding added: [String] = [], removing removed: [String] = []
    ) throws {
        for (other, device) in devices where device.member != nil && !added.contains(other) {
            if removed.contains(other) {
                device.member = nil
            } else {
                try device.group.follow(messages.made.commit)
            }
        }
        for name in added {
            guard let applicant = self[name].applicants.last, let welcome = messages.made.welcome else { continue }
            self[name].member = try applicant.joins(welcome, ratchetTree: messages.made.ratchetTree)
        }
    }

    /// Sends an application message, which everybody reads.
    @discardableResult
    public func say(_ text: String, by name: String) throws -> Receipt {
        let message = try self[name].group.protect(text)
        return try relay.publish(TestMessage(bytes: message), by: self[name].client)[0]
    }

    public func acknowledge(_ number: UInt64, by name: String) throws {
        try relay.acknowledge(log, number, by: self[name].client)
    }

    // MARK: What the relay keeps

    public func perform(_ action: GroupAction, by name: String) throws -> EncodedFrame {
        let result = try relay.perform(.other(.group(action)), by: self[name].client)
        guard case .answered(let frame) = result.outcome else { preconditionFailure("answered or refused") }
        return frame
    }

    public func describe(for name: String) throws -> GroupDescription {
        try relay.state.describe(groupID, for: self[name].client).get().decoded()
    }

    /// The names of active members, sorted.
    public var members: [String] {
        get throws {
            let state = try relay.state
            let active = try state.members(of: log).filter { $0.record.state == .active }.map(\.client)
            return devices.values.filter { active.contains($0.client) }.map(\.name).sorted()
        }
    }

    public var head: LogHead {
        get throws {
            guard let head = try relay.state.heads[log] else { throw MemoryState.corrupted("no head") }
            return head
        }
    }

    public var kinds: [EntryKind] { get throws { try relay.entries(of: log).map(\.header.kind) } }

    /// The notices of a kind in somebody's inbox.
    public func inbox(of name: String, _ kind: EntryKind) throws -> [Entry] {
        let log = try relay.log(.inbox(of: self[name].client))
        return try relay.entries(of: log).filter { $0.header.kind == kind }
    }
}
