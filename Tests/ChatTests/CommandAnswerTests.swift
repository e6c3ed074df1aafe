import TestSupport
import Testing

@testable import mlsrelay_chat

@Suite("Each command is answered, on a real relay", .timeLimit(.minutes(3)))
struct CommandAnswerTests {
    @Test("two people use every command once")
    func everyCommand() async throws {
        let directory = try TemporaryDirectory()
        let relay = try await RelayProcess.started(in: directory)
        let alice = try await ChatProcess.connected("alice", "laptop", relay: relay, in: directory)
        let bob = try await ChatProcess.connected("bob", "phone", relay: relay, in: directory)
        try await alice.type("/create \"reading circle\" direct", answer: "ok create \"reading circle\" ")
        try await alice.type("/create choir open", answer: "ok create choir ")
        try await bob.type("/open cho", answer: "ok open 1")
        try await bob.type("/join choir", answer: "ok join choir")
        try await alice.sees("* bob/phone joined choir")
        try await alice.type("/switch rea", answer: "ok switch \"reading circle\"")
        try await alice.type("/invite bob", answer: "ok invite bob")
        try await bob.sees("* bob/phone joined \"reading circle\"")
        try await bob.type("/groups", answer: "ok groups 2")
        try await alice.type("/members", answer: "ok members 2")
        try await alice.sees("- alice admin: laptop (this device)")
        try await alice.type("/rename \"book club\"", answer: "ok rename \"book club\"")
        try await bob.sees("* alice named the group \"book club\"")
        try await alice.type("/role bob admin", answer: "ok role bob admin")
        try await alice.type("/rotate", answer: "ok rotate")
        try await bob.sees("* alice/laptop has new keys in \"book club\"")
        try await alice.type("/check", answer: "ok check")
        try await alice.type("/users bo", answer: "ok users 1")
        try await alice.type("/devices", answer: "ok devices 1")
        try await alice.type("/verify bob", answer: "ok verify bob")
        try await alice.type("/receipts off", answer: "ok receipts off")
        try await alice.type("/invitations", answer: "ok invitations 0")
        try await alice.type("/role bob member", answer: "ok role bob member")
        try await alice.type("/ban bob", answer: "ok ban bob")
        try await alice.type("/unban bob", answer: "ok unban bob")
        try await alice.type("/remove bob", answer: "ok remove bob")
        try await bob.sees("* you were removed from \"book club\" by alice")
        try await alice.type("/history 5", answer: "ok history 5")
        try await alice.type("/help", answer: "ok help")
        try await alice.type("/delete", answer: "ok delete")
        try await bob.type("/switch choir", answer: "ok switch choir")
        try await bob.type("/leave", answer: "ok leave")
        try await bob.sees("* you left choir")
        for chat in [alice, bob] {
            let status = try await chat.quit()
            #expect(status == 0)
            #expect(!chat.process.output.contains("\n! "), "\(chat.process.output)")
        }
    }

    @Test("S4-16: above a number of users whom a member invites is asked when an admin approves")
    func approval() async throws {
        let directory = try TemporaryDirectory()
        let relay = try await RelayProcess.started(in: directory)
        let alice = try await ChatProcess.connected("alice", "laptop", relay: relay, in: directory)
        let bob = try await ChatProcess.connected("bob", "phone", relay: relay, in: directory)
        let carol = try await ChatProcess.connected("carol", "phone", relay: relay, in: directory)
        try await alice.type("/create choir direct", answer: "ok create choir ")
        try await alice.type("/invite bob", answer: "ok invite bob")
        try await bob.sees("* bob/phone joined choir")
        try await alice.type("/approval 2", answer: "ok approval 2")
        try await bob.sees(beginning: "* alice changed the rules of choir: ")
        try await bob.type("/invite carol", answer: "ok invite carol")
        let question = try await onThread { [process = alice.process] in
            try process.line { $0.contains(": bob asks to invite carol to choir: /approve ") ? String($0) : nil }
        }
        let number = try #require(question.split(separator: " ").last)
        try await alice.type("/approve \(number)", answer: "ok approve \(number)")
        try await carol.sees(beginning: "* invitation \(number): bob invites you to choir: /accept \(number) or ")
        try await carol.type("/accept \(number)", answer: "ok accept \(number)")
        try await carol.sees("* carol/phone joined choir")
        for chat in [alice, bob, carol] {
            let status = try await chat.quit()
            #expect(status == 0)
        }
    }

    @Test("S4-2: an invitation is declined")
    func invitations() async throws {
        let directory = try TemporaryDirectory()
        let relay = try await RelayProcess.started(in: directory)
        let alice = try await ChatProcess.connected("alice", "laptop", relay: relay, in: directory)
        let bob = try await ChatProcess.connected("bob", "phone", relay: relay, in: directory)
        try await alice.type("/create choir", answer: "ok create choir ")
        try await alice.type("/invite bob", answer: "ok invite bob")
        let number = try await bob.sees(beginning: "* invitation ").prefix { $0 != ":" }
        try await bob.type("/invitations", answer: "ok invitations 1")
        try await bob.type("/decline \(number)", answer: "ok decline \(number)")
        try await alice.sees("* invitation \(number): of alice for bob to choir: declined")
        for chat in [alice, bob] {
            let status = try await chat.quit()
            #expect(status == 0)
        }
    }

    @Test("a wrong admission is refused and asked for again; a revoked device is told")
    func admission() async throws {
        let directory = try TemporaryDirectory()
        let relay = try await RelayProcess.started(in: directory)
        let url = relay.urls["ws"] ?? ""
        let phone = try await ChatProcess.connected("bob", "phone", relay: relay, in: directory)
        let tablet = try await onThread { try ChatProcess("bob", "tablet", relay: url, in: directory) }
        let request = try await tablet.sees(beginning: "- /admit ")
        try tablet.process.write("mlsrelay-admission:nonsense\n")
        _ = try await onThread { try tablet.process.line { $0.hasPrefix("error admissionInvalid: ") ? true : nil } }
        let answer = try await phone.type("/admit \(request)", answer: "ok admit ")
        try tablet.process.write(answer + "\n")
        try await tablet.sees("* connected")
        try await phone.type("/devices", answer: "ok devices 2")
        try await phone.type("/revoke tablet", answer: "ok revoke tablet")
        _ = try await onThread { try tablet.process.line { $0.contains("deviceRevoked") ? true : nil } }
        for chat in [phone, tablet] {
            let status = try await chat.quit()
            #expect(status == 0)
        }
    }

    @Test("a relay that asks for a token gets the one that is typed; without a relay one is told, and can still end")
    func tokenAndNoRelay() async throws {
        let directory = try TemporaryDirectory()
        let relay = try await RelayProcess.started(in: directory, arguments: ["--registration", "token"])
        let url = relay.urls["ws"] ?? ""
        let alice = try await onThread { try ChatProcess("alice", "laptop", relay: url, in: directory) }
        try await alice.sees("* The relay lets nobody register without a token: paste yours here.")
        try alice.process.write("not a token\n")
        _ = try await onThread { try alice.process.line { $0.hasPrefix("error admissionInvalid: ") ? true : nil } }
        let status = try await alice.quit()
        #expect(status == 0)
        try await relay.ended()
        let bob = try await onThread { try ChatProcess("bob", "phone", relay: url, in: directory) }
        try await bob.sees(beginning: "! connection: ")
        let end = try await bob.quit()
        #expect(end == 0)
    }
}
