import MLS
import MLSCodec
import MLSTestSupport
import RelayCore
import RelayStore
import RelayTestSupport
import RelayWire
import TLSPresentation
import Testing

/// Invitations around the group of a scene.
struct InvitationScene {
    let scene: GroupScene
    var relay: TestRelay { scene.relay }
    static let suite = CipherSuite.mls128DHKEMP256AES128GCMSHA256P256

    @discardableResult
    func perform(_ action: InvitationAction, by name: String) throws -> Outcome {
        try relay.perform(.other(.invitation(action)), by: scene[name].client).outcome
    }

    @discardableResult
    func invite(
        _ name: String, by inviter: String, suite: CipherSuite = suite, info: String = "", lifetime: UInt64 = 0
    ) throws -> Invited {
        let request = Invite(
            log: scene.log, name: Array(name.utf8), cipherSuite: suite, info: Array(info.utf8),
            lifetimeMilliseconds: lifetime)
        guard case .answered(let frame) = try perform(.invite(request), by: inviter) else {
            preconditionFailure("answered or refused")
        }
        return try frame.decoded()
    }

    func answer(_ invited: Invited, _ answer: InvitationAnswerType, by name: String) throws {
        try perform(.answer(AnswerInvitation(invitation: invited.invitation, answer: answer)), by: name)
    }

    func take(_ invited: Invited, by name: String) throws -> [KeyPackageResult] {
        guard case .keyPackages(let results) = try perform(.take(invited.invitation), by: name) else {
            preconditionFailure("answered or refused")
        }
        return results
    }

    func record(_ invited: Invited) throws -> InvitationRecord {
        try relay.state.existing(Tables.invitations, invited.invitation)
    }

    /// Makes a user's device use the KeyPackage that was taken.
    func use(_ results: [KeyPackageResult], of name: String) throws {
        let device = scene[name]
        guard let message = results.first(where: { $0.client == device.client })?.message,
            let index = device.applicants.firstIndex(where: {
                MLSMessage.keyPackage($0.keyPackage).encoded == message
            })
        else { throw MemoryState.corrupted("\(name) has no such KeyPackage") }
        device.applicants.append(device.applicants.remove(at: index))
    }

    func answers(of name: String) throws -> [InvitationAnswerNotice] {
        try relay.notices(.invitationAnswer, in: .inbox(of: scene[name].client))
    }

    func invitations(of name: String) throws -> [InvitationNotice] {
        try relay.notices(.invitation, in: .inbox(of: scene[name].client))
    }

    /// The numbers of what can be handed out once.
    func pool(of name: String, suite: CipherSuite = suite) throws -> [UInt64] {
        try relay.state.pool(of: scene[name].client, suite, isLastResort: false, atMost: .max)
            .map(\.sequenceNumber.rawValue)
    }

    /// What `verify` finds about KeyPackages and inboxes; nothing for a relay in memory.
    func findings() throws -> [Finding] { try RelayCoreTests.findings(about: relay) }
}

/// What `verify` finds about KeyPackages and inboxes; nothing for a relay in memory.
func findings(about relay: TestRelay) throws -> [Finding] {
    guard relay.hasStore else { return [] }
    let logs = try relay.state.logs.filter { $0.key.kind == .keyPackages || $0.key.kind == .inbox }.values
    var findings: [Finding] = []
    let verifier = try StoreVerifier(relay.store) { finding in
        if finding.log.map(logs.contains) ?? ["keyPackages", "keyPackageRefs", "reservations"].contains(finding.table) {
            findings.append(finding)
        }
    }
    _ = try verifier.verify()
    return findings
}
