import Glibc
import TestSupport
import Testing

@testable import mlsrelay_chat

@Suite("The chat on a terminal", .timeLimit(.minutes(3)))
struct TerminalTests {
    private func chat(_ directory: TemporaryDirectory, _ relay: RelayProcess, passphrase: String? = "p") throws
        -> PseudoTerminal
    {
        try PseudoTerminal(
            "mlsrelay-chat",
            [
                "--relay", relay.urls["ws"] ?? "", "--user", "alice", "--device", "laptop", "--data",
                directory.path + "/alice",
            ],
            environment: passphrase.map { ["MLSRELAY_CHAT_PASSPHRASE": $0] } ?? [:], width: 70, height: 12)
    }

    @Test("the screen comes up, takes keys, follows the size, and the terminal is as before at the end")
    func screen() async throws {
        let directory = try TemporaryDirectory()
        let relay = try await RelayProcess.started(in: directory)
        let terminal = try chat(directory, relay)
        #expect(terminal.isCooked)
        try await terminal.shows(" alice@laptop · connected · no group")
        #expect(!terminal.isCooked)
        terminal.type("/cr\tchoir dir\t\r")
        try await terminal.shows(" alice@laptop · connected · choir · 1 person · epoch ")
        terminal.type("Hullo\u{1b}[D\u{1b}[D\u{1b}[D\u{7f}e\r")
        try await terminal.shows("alice: Hello")
        terminal.type("/members")
        try await terminal.shows("the line that is written") { $0.last == "> /members" }
        terminal.resize(width: 40, height: 6)
        try await terminal.shows("the line in its place") { $0.count == 6 && $0.last == "> /members" }
        // ctrl-c empties the line, and ends where it is empty.
        terminal.type("\u{3}\u{3}")
        let status = try await terminal.ended()
        #expect(status == 0)
        #expect(terminal.isCooked)
        try await terminal.writes("\u{1b}[?2004l\u{1b}[?25h\u{1b}[?1049l")
    }

    @Test("a signal ends it, and the terminal is as before", arguments: [SIGTERM, SIGINT, SIGHUP, SIGABRT, SIGSEGV])
    func signals(number: Int32) async throws {
        let directory = try TemporaryDirectory()
        let relay = try await RelayProcess.started(in: directory)
        let terminal = try chat(directory, relay)
        try await terminal.shows(" · connected · no group")
        terminal.send(signal: number)
        let status = try await terminal.ended()
        #expect(status == 128 + number)
        #expect(terminal.isCooked)
        try await terminal.writes("\u{1b}[?25h\u{1b}[?1049l")
    }

    @Test("a signal at any moment leaves the terminal as before", arguments: ["\u{1b}[?1049h", " · not connected · "])
    func earlySignal(after text: String) async throws {
        let directory = try TemporaryDirectory()
        let relay = try await RelayProcess.started(in: directory)
        let terminal = try chat(directory, relay)
        try await terminal.writes(text)
        terminal.send(signal: SIGINT)
        let status = try await terminal.ended()
        #expect(status == 128 + SIGINT)
        #expect(terminal.isCooked)
    }

    @Test("a passphrase is asked for twice, and not shown")
    func passphrase() async throws {
        let directory = try TemporaryDirectory()
        let relay = try await RelayProcess.started(in: directory)
        let terminal = try chat(directory, relay, passphrase: nil)
        try await terminal.writes("New passphrase: ")
        #expect(!terminal.isCooked)
        terminal.type("open sesame\n")
        try await terminal.writes("Once more: ")
        terminal.type("open sesame\n")
        try await terminal.shows(" · connected · no group")
        #expect(!terminal.output.contains("sesame"))
        terminal.type("/quit\r")
        let status = try await terminal.ended()
        #expect(status == 0)
    }
}
