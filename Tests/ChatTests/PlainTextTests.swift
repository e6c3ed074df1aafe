@testable import RelayClient
import Testing

@testable import mlsrelay_chat

@Suite("Lines for programs")
struct PlainTextTests {
    @Test(
        "S2-9: each event has its line",
        arguments: [
            (Samples.said("hello", by: Samples.bob), "[choir] bob: hello"),
            (Samples.said("a\nb\\", by: Samples.bob), "[choir] bob: a\\nb\\\\"),
            (
                .message(Message(id: Samples.message(1), sender: Samples.bob, contentType: "image/png", body: [1, 2])),
                "[choir] bob: (2 bytes of image/png)"
            ),
            (.joined(Samples.bob, by: nil), "* bob/phone joined choir"),
            (.joined(Samples.bob, by: Samples.bob), "* bob/phone joined choir"),
            (.joined(Samples.nameless, by: Samples.alice), "* carol joined choir, added by alice/laptop"),
            (.left(Samples.bob), "* bob/phone left choir"),
            (.removed(Samples.bob, by: Samples.alice), "* bob/phone was removed from choir by alice/laptop"),
            (.removed(Samples.bob, by: nil), "* bob/phone was removed from choir"),
            (.renamed("new choir", by: "bob"), "* bob named the group \"new choir\""),
            (.roleChanged(user: "bob", .admin, by: "alice"), "* bob is an admin of choir now, says alice"),
            (
                .policyChanged(GroupPolicySettings(), by: "alice"),
                "* alice changed the rules of choir: who is invited joins; members may add, admins may remove, "
                    + "admins may rename"
            ),
            (.delivered(Samples.message(1), to: nil), "~ delivered \(Samples.message(1)) to all in choir"),
            (
                .acknowledged(Samples.message(1), by: Samples.bob),
                "~ acknowledged \(Samples.message(1)) by bob/phone in choir"
            ),
            (.notSent(Samples.message(1)), "! not sent: message \(Samples.message(1)) will not arrive in choir"),
            (
                .undecryptable(sender: nil, .epochUnknown),
                "! unreadable: a message of somebody in choir: it is from before or after this device's keys"
            ),
            (.changeVoided(reason: "no"), "! voided: a change of choir was taken back: no"),
            (
                .integrityWarning(.historyChanged),
                "! integrity: the relay left out, changed, repeated or reordered what was said (in choir)"
            ),
            (.rejoined, "* this device joined choir again; what was said meanwhile is not known to it"),
            (.empty, "* all others have left choir"), (.ended(.left), "* you left choir"),
            (.ended(.removed(by: "bob")), "* you were removed from choir by bob"),
            (Samples.said("hi", by: Samples.mallory), "[choir] \"bob: hi[2J\": hi"),
        ] as [(GroupEvent.Kind, String)])
    func events(kind: GroupEvent.Kind, expected: String) {
        let line = Samples.line(kind).map(PlainText.line)
        #expect(line == expected)
    }

    @Test("S2-13: a commit without proposals is told as new keys")
    func keysUpdated() {
        #expect(Samples.line(.keysUpdated(Samples.bob)).map(PlainText.line) == "* bob/phone has new keys in choir")
    }

    @Test("each warning is one sentence of its own")
    func warnings() {
        let all: [IntegrityWarning] = [
            .historyChanged, .historiesDiffer(Samples.bob), .statesDiffer(Samples.bob), .keySubstituted(user: "bob"),
            .unknownDevice(Samples.bob), .keyChanged(Samples.bob), .staleGroupInfo, .replayed, .rosterDiffers,
        ]
        let lines = all.compactMap { Samples.line(.integrityWarning($0)).map(PlainText.line) }
        #expect(Set(lines).count == all.count)
        #expect(lines.allSatisfy { $0.hasPrefix("! integrity: ") })
    }

    @Test("answers begin with ok or error, and what belongs to them with a dash")
    func answers() {
        #expect(PlainText.line(ChatLine(.done, "rotate")) == "ok rotate")
        #expect(PlainText.line(ChatLine(.failure(code: "notAllowed"), "No.")) == "error notAllowed: No.")
        #expect(PlainText.line(ChatLine(.item, "alice")) == "- alice")
    }

    @Test("no line has a line break in it, whatever a name or a reason says")
    func oneLine() {
        let hostile = "x\nok quit\r\n\u{2028}error"
        let kinds: [GroupEvent.Kind] = [
            Samples.said(hostile, by: Samples.bob), .renamed(hostile, by: hostile), .changeVoided(reason: hostile),
            .undecryptable(sender: Samples.mallory, .ruleBroken(hostile)), .ended(.deleted(by: hostile)),
        ]
        for kind in kinds {
            let line = EventText.line(Samples.event(kind), groupName: hostile).map(PlainText.line) ?? ""
            #expect(!line.isEmpty)
            #expect(!line.contains { $0.isNewline }, "\(line)")
        }
    }

    @Test(
        "invitations say what one can do",
        arguments: [
            ("bob", "alice", .waiting, "invitation 3: bob invites you to choir: /accept 3 or /decline 3"),
            ("alice", "bob", .waiting, "invitation 3: of alice for bob to choir: waits for an answer"),
            ("bob", "carol", .waitingForApproval, "invitation 3: bob asks to invite carol to choir: /approve 3"),
            (
                "alice", "carol", .waitingForApproval,
                "invitation 3: of alice for carol to choir: waits for an admin's approval"
            ),
            ("bob", "alice", .expired, "invitation 3: of bob for you to choir: expired"),
        ] as [(String, String, Invitation.State, String)])
    func invitations(inviter: String, invited: String, state: Invitation.State, expected: String) {
        let invitation = Invitation(
            number: 3, group: Samples.choir, groupName: "choir", inviter: inviter, invited: invited, state: state,
            expires: Samples.time)
        #expect(InvitationText.sentence(invitation, user: "alice") == expected)
    }
}
