import Foundation
import TestSupport
import Testing

@testable import mlsrelay_chat

/// What README.md shows in "Two people and a second device".
@Suite(
    "Two people talk, and one has a second device", .timeLimit(.minutes(3)))
struct TwoPeopleTests {
    @Test("two people and a second device, as README.md shows it")
    func readme() async throws {
        let directory = try TemporaryDirectory()
        let relay = try await RelayProcess.started(in: directory)
        let alice = try await ChatProcess.connected("alice", "laptop", relay: relay, in: directory)
        let bob = try await ChatProcess.connected("bob", "phone", relay: relay, in: directory)

        try await alice.type("/create choir", answer: "ok create choir ")
        try await alice.type("/invite bob", answer: "ok invite bob")
        let number = try await bob.sees(beginning: "* invitation ").prefix { $0 != ":" }
        try await bob.type("/accept \(number)", answer: "ok accept")
        try await bob.sees(beginning: "* bob/phone joined choir")
        try await bob.type("Hello, Alice!", answer: "ok sent")
        try await alice.sees("[choir] bob: Hello, Alice!")
        try await alice.type("Hello, Bob!", answer: "ok sent")
        try await bob.sees("[choir] alice: Hello, Bob!")

        let tablet = try await addTablet(of: bob, relay: relay, in: directory)
        try await tablet.type("Now from the tablet", answer: "ok sent")
        try await alice.sees("[choir] bob: Now from the tablet")
        try await bob.sees("[choir] bob: Now from the tablet")
        try await alice.type("Both of you", answer: "ok sent")
        try await tablet.sees("[choir] alice: Both of you")
        try await bob.sees("[choir] alice: Both of you")

        for chat in [alice, bob, tablet] {
            let status = try await chat.quit()
            #expect(status == 0, "\(chat.process.errors)")
            #expect(!chat.process.output.contains("\n! "), "\(chat.process.output)")
        }
        let status = try await relay.ended()
        #expect(status == 0)
    }

    /// Starts the second device of `bob`, who admits it; returns once it is in the group.
    private func addTablet(
        of bob: ChatProcess, relay: RelayProcess, in directory: TemporaryDirectory
    ) async throws -> ChatProcess {
        let url = relay.urls["ws"] ?? ""
        let tablet = try await onThread { try ChatProcess("bob", "tablet", relay: url, in: directory) }
        let request = try await tablet.sees(beginning: "- /admit ")
        let answer = try await bob.type("/admit \(request)", answer: "ok admit ")
        try tablet.process.write(answer + "\n")
        try await tablet.sees("* connected")
        try await tablet.sees(beginning: "* bob/tablet joined choir")
        return tablet
    }

    @Test("S3-8: people compare fingerprints; a wrong one is not taken")
    func fingerprints() async throws {
        let directory = try TemporaryDirectory()
        let relay = try await RelayProcess.started(in: directory)
        let alice = try await ChatProcess.connected("alice", "laptop", relay: relay, in: directory)
        let bob = try await ChatProcess.connected("bob", "phone", relay: relay, in: directory)
        try await bob.type("/verify bob", answer: "ok verify bob")
        let shown = try await bob.sees(beginning: "- bob/phone: ")
        let fingerprint = shown.prefix(71)
        try await alice.type("/verify bob \(fingerprint)", answer: "ok verify bob \(fingerprint)")
        try alice.process.write("/verify bob \(fingerprint.dropLast())0f\n")
        _ = try await onThread { try alice.process.line { $0.hasPrefix("error fingerprintUnknown: ") ? true : nil } }
        for chat in [alice, bob] {
            let status = try await chat.quit()
            #expect(status == 0)
        }
    }

    @Test("what was said is there after a restart, and what was said meanwhile comes")
    func restart() async throws {
        let directory = try TemporaryDirectory()
        let relay = try await RelayProcess.started(in: directory)
        let alice = try await ChatProcess.connected("alice", "laptop", relay: relay, in: directory)
        let bob = try await ChatProcess.connected("bob", "phone", relay: relay, in: directory)
        try await alice.type("/create choir direct", answer: "ok create choir ")
        try await alice.type("/invite bob", answer: "ok invite bob")
        try await bob.sees(beginning: "* bob/phone joined choir")
        try await alice.type("before", answer: "ok sent")
        try await bob.sees("[choir] alice: before")
        let status = try await bob.quit()
        #expect(status == 0)
        try await alice.type("meanwhile", answer: "ok sent")
        let again = try await ChatProcess.connected("bob", "phone", relay: relay, in: directory)
        try await again.sees("[choir] alice: meanwhile")
        try await again.type("/history", answer: "ok history")
        try await again.sees("- [choir] alice: before")
        // News is told once: not what was there before.
        #expect(!again.process.output.contains("\n[choir] alice: before"))
        for chat in [alice, again] {
            let status = try await chat.quit()
            #expect(status == 0)
        }
    }

    @Test("errors are sentences with a code, and the chat goes on")
    func errors() async throws {
        let directory = try TemporaryDirectory()
        let relay = try await RelayProcess.started(in: directory)
        let alice = try await ChatProcess.connected("alice", "laptop", relay: relay, in: directory)
        for (line, code) in [
            ("hello", "noGroup"), ("/mebmers", "unknownCommand"), ("/accept 7", "invitationUnknown"),
            ("/switch choir", "groupUnknown"), ("/verify nobody", "userUnknown"),
        ] {
            try alice.process.write(line + "\n")
            let answer = try await onThread {
                try alice.process.line { $0.hasPrefix("error \(code): ") ? $0.count : nil }
            }
            #expect(answer > code.count + 10)
        }
        let status = try await alice.quit()
        #expect(status == 0)
    }

    @Test("lines from a pipe are all done before the end, and the passphrase is needed the next time")
    func pipe() async throws {
        let directory = try TemporaryDirectory()
        let relay = try await RelayProcess.started(in: directory)
        let url = relay.urls["ws"] ?? ""
        let alice = try await onThread { try ChatProcess("alice", "laptop", relay: url, in: directory) }
        try alice.process.write("/create choir\none\ntwo")
        alice.process.closeInput()
        let status = try await onThread { try alice.process.wait() }
        #expect(status == 0, "\(alice.process.output)\(alice.process.errors)")
        #expect(alice.process.output.split(separator: "\n").filter { $0.hasPrefix("ok sent ") }.count == 2)
        let wrong = try ToolProcess(
            "mlsrelay-chat", ["--plain", "--relay", url, "--data", directory.path + "/alice-laptop"],
            environment: ["MLSRELAY_CHAT_PASSPHRASE": "of somebody else"])
        let refused = try await onThread { try wrong.wait() }
        #expect(refused == 1)
        #expect(wrong.errors.contains("passphraseWrong"))
    }
}
