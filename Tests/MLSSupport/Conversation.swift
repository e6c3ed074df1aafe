public import MLS
public import MLSCodec
import MLSCrypto
public import MLSPublicGroup
public import Testing

/// A group with all its members, among whom a perfect Delivery Service carries the handshake messages.
public final class Conversation {
    public let suite: CipherSuite
    public let configuration: GroupConfiguration
    public private(set) var members: [GroupMember] = []

    /// - Parameter names: of the members; the first creates the group and adds the others.
    public init(
        _ names: [String], suite: CipherSuite = .mls128DHKEMP256AES128GCMSHA256P256, extensions: [Extension] = [],
        configuration: GroupConfiguration = Device.configuration
    ) throws {
        self.suite = suite
        self.configuration = configuration
        members = [try device(names[0]).creates(extensions: extensions)]
        if names.count > 1 { try add(Array(names.dropFirst()), by: self[0]) }
    }

    /// By position: the order in which they joined.
    public subscript(position: Int) -> GroupMember { members[position] }

    public func device(_ name: String) throws -> Device {
        try Device(name, suite: suite, configuration: configuration)
    }

    /// Adds devices of those names, by value.
    @discardableResult
    public func add(_ names: [String], by committer: GroupMember) throws -> [GroupMember] {
        let applicants = try names.map { try device($0).applies() }
        try commit(CommitOptions(applicants.map(\.add)), by: committer, joiners: applicants)
        return Array(members.suffix(names.count))
    }

    /// Proposes something, and everybody else hears of it.
    /// - Returns: the reference.
    @discardableResult
    public func propose(_ proposal: Proposal, by member: GroupMember) throws -> [UInt8] {
        let (message, ref) = try member.group.propose(proposal)
        try deliver(proposal: message, except: member)
        return ref
    }

    @discardableResult
    public func proposeUpdate(by member: GroupMember, identity: ClientIdentity? = nil) throws -> [UInt8] {
        let (message, ref) = try member.group.proposeUpdate(identity: identity)
        try deliver(proposal: message, except: member)
        return ref
    }

    public func deliver(proposal: [UInt8], except sender: GroupMember? = nil) throws {
        for member in members where member !== sender { try member.receiveProposal(proposal) }
    }

    /// Commits, and everybody goes on with it.
    @discardableResult
    public func commit(
        _ options: CommitOptions = CommitOptions(), by committer: GroupMember, joiners: [Applicant] = []
    ) throws -> StagedPublicCommit {
        try accept(committer.commit(options), from: committer, joiners: joiners)
    }

    /// A Commit that was accepted: all members, also the committer, go on with it; the removed ones are no longer
    /// among the members here.
    @discardableResult
    public func accept(
        _ messages: CommitMessages, from committer: GroupMember, joiners: [Applicant] = []
    ) throws -> StagedPublicCommit {
        let publicCommit = try committer.follow(messages.commit)
        for member in members where member !== committer { try member.follow(messages.commit) }
        members.removeAll { !$0.isActive && $0.publicGroup.reInit == nil }
        if let welcome = messages.welcome {
            for joiner in joiners {
                members.append(try joiner.joins(welcome, ratchetTree: messages.ratchetTree))
            }
        }
        return publicCommit
    }

    /// Somebody joins by a Commit of their own.
    @discardableResult
    public func joinExternally(
        _ device: Device, options: ExternalCommitOptions = ExternalCommitOptions(), informer: GroupMember? = nil
    ) throws -> GroupMember {
        let (joiner, messages) = try device.joinsExternally(
            (informer ?? self[0]).groupInfo(), options: options)
        for member in members { try member.follow(messages.commit) }
        members.removeAll { !$0.isActive }
        members.append(joiner)
        return joiner
    }

    /// All members are in the same epoch of the same group, with the same secrets, and can read each other.
    public func expectAgreement(sourceLocation: SourceLocation = #_sourceLocation) throws {
        let expected = members[0].snapshot
        members[0].publicGroup.tree.checkInvariants()
        for member in members.dropFirst() {
            #expect(member.snapshot == expected, sourceLocation: sourceLocation)
        }
        #expect(expected.roster.map(\.leafIndex) == members.map(\.leaf).sorted(), sourceLocation: sourceLocation)
        for sender in members {
            let text = "from \(sender.leaf)"
            let message = try sender.protect(text)
            for member in members where member !== sender {
                #expect(try member.read(message) == text, sourceLocation: sourceLocation)
            }
        }
    }
}
