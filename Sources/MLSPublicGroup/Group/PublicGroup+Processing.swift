public import MLSCodec

/// What a handshake message was.
public enum ProcessedHandshake: Sendable {
    /// A proposal, which is cached now.
    case proposal(ref: [UInt8])
    /// A Commit, which is for the caller to merge: where several are sent in an epoch, one is chosen.
    case commit(StagedPublicCommit)
}

extension PublicGroup {
    /// Follows the group's handshake messages without its secrets, as a relay does. Everything is checked but the
    /// membership tag, the confirmation tag and what is encrypted.
    public mutating func process(_ message: PublicMessage) throws(GroupError) -> ProcessedHandshake {
        let content = message.authenticatedContent
        switch message.content.content {
        case .application: throw .refused(.applicationInPublic)
        case .proposal:
            try verify(content)
            return .proposal(ref: try addProposal(content))
        case .commit: return .commit(try stage(content))
        }
    }
}
