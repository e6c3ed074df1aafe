import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import TestSupport
import Testing

/// One group and what happens to it, chosen by a seed: the members do as they like, and a Delivery Service carries their
/// messages late and in any order, but for handshake messages, of which each epoch ends with one Commit for all.
///
/// After each epoch all members are compared with each other, with a list of members that is kept here without any
/// cryptography, and with somebody who follows the public messages.
final class GroupSimulation {
    struct Plan: Sendable {
        var seed: UInt64
        var suite: CipherSuite
        /// Whether all handshake messages are public, so that somebody follows.
        var isPublic: Bool
        var initialMemberCount = 3
        var maxMemberCount = 12
        var stepCount = 80
    }

    let plan: Plan
    var random: SeededGenerator
    var members: [Participant] = []
    /// Those who were removed, with all that they still have.
    var former: [GroupMember] = []
    /// Those who may join, maybe again.
    var outside: [Device] = []
    /// Who was proposed to be added, or was just added, by their signature keys.
    var applicants: [[UInt8]: Applicant] = [:]
    /// The SelfRemoves of the epoch, by their senders.
    var selfRemoves: [LeafIndex: [UInt8]] = [:]
    /// Whether something was proposed in the epoch that cannot be committed.
    var hasUnfitProposals = false
    var follower: PublicGroup?
    var deviceCount = 0
    var messageCount = 0
    /// The last things that happened.
    var history: [String] = []
    /// How often each thing happened, to see that all do.
    var counts: [String: Int] = [:]

    /// A member as the simulation sees it.
    final class Participant {
        let name: String
        let member: GroupMember
        let firstEpoch: UInt64
        /// Application messages that are still on their way.
        var inbox: [Letter] = []

        init(_ name: String, _ member: GroupMember) {
            self.name = name
            self.member = member
            firstEpoch = member.epoch
        }
    }

    struct Letter {
        let message: [UInt8]
        let text: String
        let sender: LeafIndex
        let epoch: UInt64
    }

    /// What is not as it should be.
    struct Mismatch: Error, CustomStringConvertible {
        let description: String
    }

    /// Who is where, as the simulation knows it.
    private struct Place: Hashable {
        let leaf: LeafIndex
        let credential: Credential
        let signatureKey: [UInt8]
    }

    static let customType = ExtensionType(rawValue: 0xf001)

    init(_ plan: Plan) throws {
        self.plan = plan
        random = SeededGenerator(seed: plan.seed)
        let creator = try newDevice()
        members = [Participant(creator.name, try creator.device.creates())]
        let adds = try (1..<plan.initialMemberCount).map { _ in try apply(newDevice().device).add }
        try commit(by: members[0], CommitOptions(adds))
    }

    func run() throws {
        for step in 0..<plan.stepCount {
            do { try act() } catch {
                let events = history.suffix(12).joined(separator: "\n    ")
                throw Mismatch(
                    description: """
                        seed \(plan.seed), step \(step), \(plan.suite), \(plan.isPublic ? "public" : "mixed"): \(error)
                            \(events)
                        """)
            }
        }
        for participant in members { try deliver(to: participant, all: true) }
    }

    private func act() throws {
        switch random.next(upTo: 100) {
        case ..<25: try talk()
        case ..<35: for participant in members { try deliver(to: participant, all: false) }
        case ..<62: try proposeSomething()
        case ..<90: try commitSomething()
        case ..<96: try joinExternally()
        default: try resync()
        }
    }

    func note(_ kind: String, _ details: @autoclosure () -> String = "") {
        counts[kind, default: 0] += 1
        history.append("epoch \(members.first?.member.epoch ?? 0): \(kind) \(details())")
    }

    // MARK: Devices

    /// Devices differ in what they send, support and keep.
    func newDevice() throws -> (name: String, device: Device) {
        deviceCount += 1
        var configuration = Device.configuration
        configuration.randomSource = .seeded(plan.seed << 16 + UInt64(deviceCount))
        configuration.handshakeFraming = plan.isPublic || random.chance(0.5) ? .publicMessage : .privateMessage
        configuration.padding = random.pick([.none, .byteCount(17), .toMultiple(of: 64)]) ?? .none
        configuration.maxPastEpochCount = random.next(upTo: 4)
        configuration.sendsGREASE = random.chance(0.7)
        if random.chance(0.85) { configuration.policy.clientSupport?.extensionTypes = [Self.customType] }
        let name = "device \(deviceCount)"
        var device = try Device(name, suite: plan.suite, configuration: configuration)
        device.psks.external = [[1]: [1], [2]: [2, 2], [3]: [3, 3, 3]]
        return (name, device)
    }

    func apply(_ device: Device) throws -> Applicant {
        let applicant = try device.applies()
        applicants[applicant.keyPackage.leafNode.signatureKey] = applicant
        return applicant
    }

    /// Somebody who may be added: new, or who was here before.
    func candidate() throws -> Device {
        if random.chance(0.5), let index = outside.indices.randomElement(using: &random) {
            return outside.remove(at: index)
        }
        return try newDevice().device
    }

    /// Whether the group's extensions let the device in.
    func isWelcome(_ device: Device) -> Bool {
        let types = Set(members[0].member.groupContext.extensions.map(\.extensionType))
        return !types.contains(Self.customType)
            || device.configuration.policy.clientSupport?.extensionTypes.contains(Self.customType) == true
    }

    func participant(at leaf: LeafIndex) -> Participant? { members.first { $0.member.leaf == leaf } }

    // MARK: Application messages

    private func talk() throws {
        guard let sender = members.randomElement(using: &random) else { return }
        messageCount += 1
        let text = "message \(messageCount)"
        let message = try sender.member.protect(text)
        note("message", "of \(sender.name)")
        let letter = Letter(message: message, text: text, sender: sender.member.leaf, epoch: sender.member.epoch)
        for participant in members where participant !== sender {
            participant.inbox.append(letter)
            if random.chance(0.4) { try deliver(to: participant, all: false) }
        }
        if random.chance(0.1) {
            guard case .some = refusal({ try sender.member.read(message) }) else {
                throw Mismatch(description: "\(sender.name) read its own message")
            }
        }
        try checkFormer(cannotRead: message)
    }

    /// Some of the letters arrive, in any order; the oldest ones too late.
    func deliver(to participant: Participant, all: Bool) throws {
        let isCrowded = participant.inbox.count > 20
        participant.inbox.shuffle(using: &random)
        var left: [Letter] = []
        for letter in participant.inbox {
            guard all || isCrowded || random.chance(0.5) else {
                left.append(letter)
                continue
            }
            try read(letter, participant)
        }
        participant.inbox = left
    }

    private func read(_ letter: Letter, _ participant: Participant) throws {
        let member = participant.member
        let age = member.epoch - letter.epoch
        if age > UInt64(member.group.configuration.maxPastEpochCount) {
            note("message too late")
            let error = refusal { try member.read(letter.message) }
            guard error == .refused(.applicationEpoch) else {
                throw Mismatch(description: "\(participant.name), \(age) epochs late: \(String(describing: error))")
            }
            return
        }
        if random.chance(0.05) {
            guard
                let changed = changes(of: letter.message, every: letter.message.count / 3)
                    .randomElement(using: &random)
            else { return }
            guard refusal({ try member.read(changed) }) != nil else {
                throw Mismatch(description: "\(participant.name) read a changed message")
            }
        }
        if age > 0 { note("late message") }
        let received = try member.receive(letter.message)
        guard received.data == Array(letter.text.utf8), received.sender == letter.sender, received.epoch == letter.epoch
        else { throw Mismatch(description: "\(participant.name) read something else than \(letter.text)") }
        if random.chance(0.1) {
            let error = refusal { try member.read(letter.message) }
            guard error == .refused(.generationUsed) else {
                throw Mismatch(description: "\(participant.name), twice: \(String(describing: error))")
            }
        }
    }

    /// The refusal of what should not work.
    func refusal<R: ~Copyable>(_ body: () throws -> R) -> GroupError? {
        do {
            _ = try body()
            return nil
        } catch { return error as? GroupError }
    }

    // MARK: Checks

    /// What must be true at the beginning of each epoch.
    func checkEpoch() throws {
        let expected = members[0].member.snapshot
        for participant in members.dropFirst() where participant.member.snapshot != expected {
            throw Mismatch(description: "\(participant.name) is not where \(members[0].name) is")
        }
        let places = members.map {
            Place(
                leaf: $0.member.leaf, credential: .basic(identity: Array($0.name.utf8)),
                signatureKey: $0.member.group.identity.signingKey.publicKey.bytes)
        }
        let roster = expected.roster.map {
            Place(leaf: $0.leafIndex, credential: $0.credential, signatureKey: $0.signatureKey)
        }
        guard roster == places.sorted(by: { $0.leaf < $1.leaf }) else {
            throw Mismatch(description: "the roster is \(roster), not \(places)")
        }
        members.randomElement(using: &random)?.member.publicGroup.tree.checkInvariants()
        if let follower {
            guard follower.groupContext == expected.groupContext, follower.roster == expected.roster else {
                throw Mismatch(description: "who follows is not where the members are")
            }
        }
    }

    func checkFormer(cannotRead message: [UInt8]) throws {
        guard let former = former.suffix(8).randomElement(using: &random) else { return }
        note("former member")
        guard refusal({ try former.group.process(message, psks: former.device.psks) }) != nil else {
            throw Mismatch(description: "a former member took a later message")
        }
    }

    // MARK: Who follows

    func startFollowing() throws {
        guard plan.isPublic, follower == nil, let informer = members.randomElement(using: &random) else { return }
        guard case .groupInfo(let groupInfo) = try MLSMessage(decoding: informer.member.groupInfo()) else { return }
        var policy = TestGroup.policy
        policy.clientSupport = nil
        follower = try PublicGroup(groupInfo: groupInfo, policy: policy)
    }

    /// - Parameter isAccepted: whether this is the Commit that ends the epoch.
    func follow(_ bytes: [UInt8], isAccepted: Bool = true) throws {
        guard follower != nil else { return }
        guard case .publicMessage(let message) = try MLSMessage(decoding: bytes) else {
            throw Mismatch(description: "a private handshake message in a public group")
        }
        switch try follower?.process(message) {
        case .commit(let staged)?: if isAccepted { follower?.merge(staged) }
        case .proposal?, nil: break
        }
    }
}

extension SeededGenerator {
    mutating func next(upTo bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
    mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &self) < probability }
    mutating func pick<Element>(_ elements: [Element]) -> Element? { elements.randomElement(using: &self) }
}
