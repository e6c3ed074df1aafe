import RelayWire
import TLSPresentation
import Testing

@Suite("Policies of groups (PROTOCOL.md section 7.9)")
struct GroupPolicyTests {
    @Test("a right is had by its least role and those above, and by nobody where it is nobody's")
    func rights() {
        #expect(Role.allCases.map { $0.has(.member) } == [false, true, true])
        #expect(Role.allCases.map { $0.has(.admin) } == [false, false, true])
        #expect(Role.allCases.allSatisfy { !$0.has(.nobody) })
    }

    @Test("the policy of an untracked group is zeros, and the default one tracks with public handshakes")
    func policies() {
        #expect(GroupPolicy.untracked.encoded == Array(repeating: 0, count: 29))
        #expect(GroupPolicy().encoded == [1, 1, 2, 2, 1] + Array(repeating: 0, count: 24))
        let untracked = CreateGroup(groupID: [1], epoch: Epoch(rawValue: 0))
        #expect(untracked.policy == .untracked && untracked.messages.isEmpty)
    }
}
