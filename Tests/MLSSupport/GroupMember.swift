public import MLS
public import MLSCodec
import MLSCrypto
public import MLSPublicGroup
import TLSPresentation

/// A client in a group. The group has a place of its own here, since it cannot be copied into an array.
public final class GroupMember {
    public var device: Device
    public var group: Group

    public init(_ device: Device, _ group: consuming Group) {
        self.device = device
        self.group = group
    }

    /// What was not what it should be.
    public struct UnexpectedMessage: Error {
        public init() {}
    }

    // MARK: State, as values that `#expect` can hold

    public var groupContext: GroupContext { group.groupContext }
    public var epoch: UInt64 { group.epoch }
    public var leaf: LeafIndex { group.ownLeaf }
    public var epochAuthenticator: [UInt8] { group.epochAuthenticator }
    public var publicGroup: PublicGroup { group.publicGroup }
    public var roster: [Member] { group.publicGroup.roster }
    public var isActive: Bool { group.isActive }
    public var hasPendingCommit: Bool { group.hasPendingCommit }
    public var leafNode: LeafNode? { group.publicGroup.tree.leafNode(at: group.ownLeaf) }

    public func exported(_ label: String = "test", context: [UInt8] = [1, 2, 3], byteCount: Int = 32) -> [UInt8] {
        let secret = group.export(label: label, context: context, byteCount: byteCount)
        return [UInt8](secret.bytes)
    }

    public func resumptionPSK(epoch: UInt64) -> [UInt8]? {
        guard let psk = group.resumptionPSK(epoch: epoch) else { return nil }
        return [UInt8](psk.bytes)
    }

    /// All of a group's state that is the same for all members, to see whether something changed it.
    public var snapshot: Snapshot {
        Snapshot(
            groupContext: groupContext, roster: roster, epochAuthenticator: epochAuthenticator, exported: exported(),
            pendingProposals: group.publicGroup.pendingProposals, hasPendingCommit: hasPendingCommit,
            isActive: isActive)
    }

    public struct Snapshot: Hashable, Sendable {
        public let groupContext: GroupContext
        public let roster: [Member]
        public let epochAuthenticator: [UInt8]
        public let exported: [UInt8]
        public let pendingProposals: [QueuedProposal]
        public let hasPendingCommit: Bool
        public let isActive: Bool
    }

    // MARK: Sending

    public func protect(_ text: String, authenticatedData: [UInt8] = []) throws -> [UInt8] {
        try group.protect(Array(text.utf8), authenticatedData: authenticatedData)
    }

    /// - Returns: an encoded MLSMessage.
    public func propose(_ proposal: Proposal) throws -> [UInt8] { try group.propose(proposal).message }

    /// - Returns: an encoded MLSMessage.
    public func proposeUpdate(_ identity: ClientIdentity? = nil) throws -> [UInt8] {
        try group.proposeUpdate(identity: identity).message
    }

    public func commit(_ options: CommitOptions = CommitOptions()) throws -> CommitMessages {
        try group.commit(options, psks: device.psks)
    }

    public func groupInfo() throws -> [UInt8] { try group.groupInfo() }

    // MARK: Receiving

    /// The text of an application message.
    public func read(_ message: [UInt8]) throws -> String {
        String(decoding: try receive(message).data, as: UTF8.self)
    }

    public func receive(_ message: [UInt8]) throws -> ApplicationMessage {
        guard case .application(let message) = try group.process(message, psks: device.psks) else {
            throw UnexpectedMessage()
        }
        return message
    }

    @discardableResult
    public func receiveProposal(_ message: [UInt8]) throws -> QueuedProposal {
        guard case .proposal(let proposal) = try group.process(message, psks: device.psks) else {
            throw UnexpectedMessage()
        }
        return proposal
    }

    /// Checks somebody's Commit and leaves it at that.
    public func stage(_ commit: [UInt8]) throws -> StagedCommit {
        switch try group.process(commit, psks: device.psks) {
        case .commit(let staged): return staged
        default: throw UnexpectedMessage()
        }
    }

    /// Goes on with a Commit: somebody else's, or one's own that came back.
    @discardableResult
    public func follow(_ commit: [UInt8]) throws -> StagedPublicCommit {
        switch try group.process(commit, psks: device.psks) {
        case .commit(let staged):
            let publicCommit = staged.publicCommit
            group.merge(staged)
            return publicCommit
        case .pendingCommit:
            guard let publicCommit = group.mergePendingCommit() else { throw UnexpectedMessage() }
            return publicCommit
        default: throw UnexpectedMessage()
        }
    }
}
