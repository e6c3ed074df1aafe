import MLS
import MLSCodec
import MLSCrypto
import TLSPresentation
import Testing

@Suite("Public messages (RFC 9420 section 6.2)")
struct PublicMessageTests {
    @Test("what one member protects the other opens", arguments: allSuites)
    func roundTrip(suite: CipherSuite) throws {
        var pair = try FramingMember.pair(suite)
        for content: FramedContent.Content in [.proposal(sampleProposal), .commit(Commit(proposals: [], path: nil))] {
            let signed = try pair.first.sign(
                pair.first.content(content, authenticatedData: [8]), as: .mlsPublicMessage)
            let message = try pair.first.protectPublic(signed)
            #expect(message.membershipTag?.count == pair.first.crypto.hashByteCount)
            let opened = try pair.second.openPublic(message)
            #expect(opened == signed)
        }
    }

    @Test("a changed field, tag, signature, key or group context is refused", arguments: allSuites)
    func changed(suite: CipherSuite) throws {
        var pair = try FramingMember.pair(suite)
        let commit = FramedContent.Content.commit(Commit(proposals: [], path: nil))
        let message = try pair.first.protectPublic(
            pair.first.sign(pair.first.content(commit, authenticatedData: [4]), as: .mlsPublicMessage))
        func changed(_ change: (inout PublicMessage) -> Void) -> PublicMessage {
            var copy = message
            change(&copy)
            return copy
        }
        let wrong: [(FramingError, PublicMessage)] = [
            (.wrongGroup, changed { $0.content.groupID = [] }),
            (.wrongEpoch, changed { $0.content.epoch -= 1 }),
            (.invalidMembershipTag, changed { $0.content.sender = .member(LeafIndex(1)) }),
            (.invalidMembershipTag, changed { $0.content.authenticatedData[0] ^= 1 }),
            (.invalidMembershipTag, changed { $0.auth.signature[3] ^= 1 }),
            (.invalidMembershipTag, changed { $0.auth.confirmationTag?[0] ^= 1 }),
            (.invalidMembershipTag, changed { $0.membershipTag?[0] ^= 1 }),
            (.invalidMembershipTag, changed { $0.membershipTag = [] }),
            (.tagMissingOrUnexpected, changed { $0.membershipTag = nil }),
            (.tagMissingOrUnexpected, changed { $0.auth.confirmationTag = nil }),
            (.tagMissingOrUnexpected, changed { $0.content.sender = .newMemberCommit }),
            (.contentNotAllowed, changed { $0.content.sender = .external(senderIndex: 0) }),
        ]
        for (error, wrong) in wrong {
            #expect(throws: error) { try pair.second.openPublic(wrong) }
        }
        // A member makes the tag right for a signature that is not.
        var broken = message.authenticatedContent
        broken.auth.signature[3] ^= 1
        let tagged = try pair.first.protectPublic(broken)
        #expect(throws: FramingError.invalidSignature) { try pair.second.openPublic(tagged) }
        _ = try pair.second.openPublic(message)
    }

    @Test("who is no member signs without the group context where it does not know it, and has no membership tag")
    func outsiders() throws {
        var pair = try FramingMember.pair(allSuites[0])
        let key = try SigningKey.generate(allSuites[0].signatureScheme)
        let known = pair.first.context
        let unknown = FramingContext(groupID: known.groupID, epoch: known.epoch, groupContext: [])
        var content = pair.first.content(.proposal(sampleProposal))
        content.sender = .external(senderIndex: 3)
        let proposal = try AuthenticatedContent(
            signing: content, wireFormat: .mlsPublicMessage, context: unknown, key: key)
        content.sender = .newMemberCommit
        content.content = .commit(Commit(proposals: [], path: nil))
        var commit = try AuthenticatedContent(
            signing: content, wireFormat: .mlsPublicMessage, context: known, key: key)
        commit.auth.confirmationTag = [1]
        for signed in [proposal, commit] {
            let message = try pair.first.protectPublic(signed)
            #expect(message.membershipTag == nil)
            let opened = try pair.second.openPublic(message, key: key.publicKey)
            #expect(opened == signed)
            var tagged = message
            tagged.membershipTag = [1]
            #expect(throws: FramingError.tagMissingOrUnexpected) {
                try pair.second.openPublic(tagged, key: key.publicKey)
            }
        }
        // The joiner's signature covers the group context.
        commit = try AuthenticatedContent(
            signing: content, wireFormat: .mlsPublicMessage, context: unknown, key: key)
        commit.auth.confirmationTag = [1]
        let message = try pair.first.protectPublic(commit)
        #expect(throws: FramingError.invalidSignature) { try pair.second.openPublic(message, key: key.publicKey) }
    }

    @Test("a sender sends only what it may (RFC 9420 section 6.1)")
    func allowed() throws {
        let pair = try FramingMember.pair(allSuites[0])
        let commit = FramedContent.Content.commit(Commit(proposals: [], path: nil))
        var content = pair.first.content(commit)
        for (sender, forbidden) in [
            (Sender.external(senderIndex: 0), commit), (.newMemberProposal, commit),
            (.newMemberProposal, .proposal(sampleProposal)), (.newMemberCommit, .proposal(sampleProposal)),
        ] {
            content.sender = sender
            content.content = forbidden
            #expect(throws: FramingError.contentNotAllowed) {
                try pair.first.sign(content, as: .mlsPublicMessage)
            }
            content.content = .application([1])
            #expect(throws: FramingError.applicationDataInPublic) {
                try pair.first.sign(content, as: .mlsPublicMessage)
            }
        }
    }
}

extension FramingMember {
    fileprivate mutating func protectPublic(_ message: AuthenticatedContent) throws(FramingError) -> PublicMessage {
        try context.protectPublic(message, membershipKey: membershipKey, crypto: &crypto)
    }

    /// - Parameter key: nil for the other member's.
    fileprivate mutating func openPublic(
        _ message: PublicMessage, key: SignaturePublicKey? = nil
    ) throws(FramingError) -> AuthenticatedContent {
        guard let key = key ?? signatureKeys[LeafIndex(1 - leaf.rawValue)] else { throw .unknownSender }
        return try context.openPublic(message, membershipKey: membershipKey, key: key, crypto: &crypto)
    }
}
