import MLS
import MLSCodec
import MLSPublicGroup
import TestSupport
import Testing

@Suite("Proposals of an application's own types (RFC 9420 sections 12.1 and 12.2)")
struct CustomProposalTests {
    private static let type = ProposalType(rawValue: 0xf123)

    private func proposal() throws -> Proposal {
        .custom(try #require(CustomProposal(proposalType: Self.type, content: Array("agreed".utf8))))
    }

    @Test("what all members understand is committed, by reference and by value, and told to the application")
    func supported() throws {
        var configuration = StorageTests.configuration
        configuration.policy.clientSupport?.proposalTypes.insert(Self.type)
        let members = try StoredMember.group(of: 3, configuration)
        let proposal = try proposal()
        let message = try members[0].propose(proposal)
        for member in members.dropFirst() { try member.take(message) }
        let commit = try members[1].commit(CommitOptions([proposal])).commit
        let custom = try members[2].stored.update { group throws(GroupError) -> [QueuedProposal] in
            guard case .commit(let staged) = try group.process(commit) else { throw .refused(.wireFormat) }
            let custom = staged.publicCommit.custom
            group.merge(staged)
            return custom
        }
        #expect(custom.map(\.proposal) == [proposal, proposal])
        #expect(custom.map(\.sender) == [.member(LeafIndex(0)), .member(LeafIndex(1))])
        try members[0].take(commit)
        try members[1].mergeOwn()
        #expect(Set(members.map(\.authenticator)).count == 1)
    }

    @Test("what a member does not understand is not committed (12.2-proposal-type)")
    func unsupported() throws {
        let members = try StoredMember.group(of: 2)
        let proposal = try proposal()
        do {
            _ = try members[0].commit(CommitOptions([proposal]))
            Issue.record("committed")
        } catch StoredGroupError<MemoryStorage.Full>.group(let error) {
            #expect(error == .refused(.proposalTypeSupported))
        }
    }
}
