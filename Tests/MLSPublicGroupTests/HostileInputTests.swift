import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import TestSupport
import Testing

/// Whoever is in a group can sign anything: what follows the signature must not end the process.
@Suite("Changed bytes under right signatures are refused or taken, and nothing worse")
struct HostileInputTests {
    /// `bytes` with a few of them changed, cut out or doubled.
    private func mutated(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
            let position = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes[position] = [0, 0xff, 0x7f, 1].randomElement(using: &random) ?? 0
            default:
                let other = Int.random(in: 0..<bytes.count, using: &random)
                bytes.swapAt(position, other)
            }
        }
        return bytes
    }

    private func group() throws -> TestGroup {
        var group = try TestGroup(["alice", "bob", "carol", "dave", "erin"])
        try group.merge(group.commit([.proposal(.remove(Remove(removed: LeafIndex(1))))], by: 3))
        try group.add([TestClient("frank")])
        return group
    }

    @Test("Commits and proposals", arguments: UInt64(0)..<4)
    func messages(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var group = try group()
        let refs = try [group.propose(.selfRemove, from: 4), group.propose(group.update(2), from: 2)]
        let add = ProposalOrRef.proposal(.add(Add(keyPackage: try TestClient("grace").keyPackage())))
        let psk = ProposalOrRef.proposal(ProposalTests.psk(.external(pskID: [1])))
        let samples = try [
            group.commit(refs + [add, psk], by: 0), group.commit([], by: 3),
            group.proposal(group.update(0), from: 0), group.externalCommit(by: TestClient("heidi")),
        ]
        for _ in 0..<200 {
            guard let sample = samples.randomElement(using: &random) else { return }
            let bytes = mutated(sample.content.encoded, &random)
            guard let content = try? FramedContent(decoding: bytes) else { continue }
            let message = try group.message(content.content, from: content.sender, signer: group[0]) { $0 = content }
            var follower = group.group
            do throws(GroupError) {
                _ = try follower.process(PublicMessage(content: message.content, auth: message.auth))
            } catch {
                continue
            }
        }
    }

    @Test("GroupInfos and their trees", arguments: UInt64(0)..<4)
    func groupInfos(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let group = try group()
        let policy = TestGroup.policy
        for _ in 0..<200 {
            let changesTree = Bool.random(using: &random)
            let tree = mutated(group.group.ratchetTree.encoded, &random)
            guard let ratchetTree = try? RatchetTree(decoding: tree) else { continue }
            let context = mutated(group.group.groupContext.encoded, &random)
            let groupContext = try? GroupContext(decoding: context)
            let groupInfo = try group.groupInfo {
                if !changesTree, let groupContext { $0.groupContext = groupContext }
            } tree: {
                if changesTree { $0 = ratchetTree }
            }
            do throws(GroupError) {
                _ = try PublicGroup(groupInfo: groupInfo, policy: policy)
            } catch {
                continue
            }
        }
    }
}
