import Foundation
import TestSupport
import Testing

/// People at their chats, and the relay between them, killed at random moments: the whole of it as users have it.
///
/// RELAY_CHAT_KILLS=500 kills so often instead of the few times, RELAY_RANDOM_FIRST_SEED=7 begins with another seed.
@Suite("Chats and relay are killed", .timeLimit(.minutes(60)), .serialized)
struct ChatCrashTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let killCount = environment["RELAY_CHAT_KILLS"].flatMap { Int($0) } ?? 30
    private static let seed = environment["RELAY_RANDOM_FIRST_SEED"].flatMap { UInt64($0) } ?? 1

    @Test("N-3, S2-7: chats and relay are killed at random: nothing that was answered is lost, nothing comes twice")
    func kills() async throws {
        let scene = try await KilledChats(seed: Self.seed)
        while scene.killCount < Self.killCount { try await scene.step() }
        try await scene.finish()
        print("\(scene.killCount) kills, \(scene.answeredCount) messages answered; seed \(Self.seed)")
    }
}

/// Some people in one group, and how often who of them was killed.
private final class KilledChats {
    private let directory: TemporaryDirectory
    private var relay: RelayProcess
    private var chats: [Chat] = []
    private var random: SeededGenerator
    private var sentCount = 0
    private(set) var killCount = 0

    init(seed: UInt64) async throws {
        directory = try TemporaryDirectory()
        relay = try await RelayProcess.started(in: directory, schemes: ["ws"])
        random = SeededGenerator(seed: seed)
        for user in ["anna", "ben", "cleo"] { chats.append(try await Chat(user, relay, directory)) }
        try await chats[0].type("/create choir direct", "ok create ")
        try await chats[0].type("/invite ben cleo", "ok invite ")
        for chat in chats.dropFirst() { try await chat.sees("* \(chat.user)/phone joined choir") }
    }

    var answeredCount: Int { chats.reduce(0) { $0 + $1.answered.count } }

    func step() async throws {
        let chat = chats[Int.random(in: chats.indices, using: &random)]
        for _ in 0..<Int.random(in: 1...5, using: &random) {
            sentCount += 1
            chat.write("\(chat.user) says \(sentCount)")
        }
        if Int.random(in: 0..<3, using: &random) == 0 { chat.write("/rotate") }
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...200, using: &random)))
        if Int.random(in: 0..<4, using: &random) == 0 {
            try await restartRelay()
        } else {
            try await chats[Int.random(in: chats.indices, using: &random)].killAndStart()
        }
        killCount += 1
    }

    private func restartRelay() async throws {
        try await relay.ended(by: SIGKILL)
        let (data, listeners) = (relay.dataDirectory, relay.listeners)
        relay = try await onThread { try RelayProcess(dataDirectory: data, listeners: listeners) }
    }

    /// Everybody says something last, and sees what all others have said.
    func finish() async throws {
        for chat in chats {
            try await chat.sees("* connected")
            try await chat.type("the end of \(chat.user)", "ok sent ")
        }
        var histories: [[String]] = []
        for chat in chats { histories.append(try await chat.wholeHistory(with: chats)) }
        #expect(Set(histories).count == 1, "\(histories.map { $0.joined(separator: "\n") }.joined(separator: "\n\n"))")
        let all = histories.first ?? []
        #expect(Set(all).count == all.count, "something came twice: \(all)")
        for chat in chats {
            let lost = chat.answered.filter { !all.contains("[choir] \(chat.user): \($0)") }
            #expect(lost == [], "lost of \(chat.user)")
            #expect(chat.warnings == [], "at \(chat.user)")
            let status = try await chat.quit()
            #expect(status == 0, "\(chat.user)")
        }
        try await relay.ended()
    }
}

/// A person at a chat, whose process may be another one than before.
private final class Chat {
    let user: String
    private let arguments: [String]
    private var process: ToolProcess
    /// What was typed into the process that runs now.
    private var typed: [String] = []
    /// What was said and answered, by all processes.
    private(set) var answered: [String] = []
    private var formerOutput: [String] = []

    init(_ user: String, _ relay: RelayProcess, _ directory: TemporaryDirectory) async throws {
        self.user = user
        arguments = [
            "--plain", "--relay", relay.urls["ws"] ?? "", "--user", user, "--device", "phone", "--data",
            "\(directory.path)/\(user)",
        ]
        process = try Self.start(user, arguments)
        try await sees("* connected")
    }

    private static func start(_ user: String, _ arguments: [String]) throws -> ToolProcess {
        try ToolProcess(
            "mlsrelay-chat", arguments, environment: ["MLSRELAY_CHAT_PASSPHRASE": "of \(user)"], hasInput: true)
    }

    func write(_ line: String) {
        typed.append(line)
        // Where it has just been killed nothing answers, and nothing is expected.
        try? process.write(line + "\n")
    }

    /// Types a line, and waits for its answer.
    func type(_ line: String, _ answer: String) async throws {
        write(line)
        let (process, count) = (process, typed.count)
        let found = try await onThread {
            // Answers come in the order of commands.
            var left = count
            while true {
                let lines = process.output.split(separator: "\n").filter(Self.isAnswer)
                if lines.count >= count { return String(lines[count - 1]) }
                left = lines.count
                _ = try process.line { line in
                    process.output.split(separator: "\n").filter(Self.isAnswer).count > left ? line.count : nil
                }
            }
        }
        guard found.hasPrefix(answer) else { throw ToolProcess.Failure("\(user): \(line) was answered by \(found)") }
        harvest()
    }

    func sees(_ beginning: String) async throws {
        let process = process
        _ = try await onThread { try process.line { $0.hasPrefix(beginning) ? true : nil } }
    }

    private static func isAnswer(_ line: Substring) -> Bool { line.hasPrefix("ok ") || line.hasPrefix("error ") }

    func killAndStart() async throws {
        let process = process
        _ = try await onThread {
            process.send(signal: SIGKILL)
            return try process.wait()
        }
        harvest()
        formerOutput += process.output.split(separator: "\n").map(String.init)
        typed = []
        self.process = try Self.start(user, arguments)
    }

    /// Remembers what was said with success: each line that was typed has its answer, in their order.
    private func harvest() {
        let answers = process.output.split(separator: "\n").filter(Self.isAnswer)
        let known = Set(answered)
        for (line, answer) in zip(typed, answers) where answer.hasPrefix("ok sent ") && !known.contains(line) {
            answered.append(line)
        }
    }

    /// All messages in this person's history, once the last ones of all are there.
    func wholeHistory(with others: [Chat]) async throws -> [String] {
        let wanted = others.map { "[choir] \($0.user): the end of \($0.user)" }
        let deadline = ContinuousClock.now + .seconds(40)
        while true {
            try await type("/history 100000", "ok history ")
            let lines = lastAnswer().filter { $0.hasPrefix("[choir] ") }
            if Set(lines).isSuperset(of: wanted) { return lines }
            guard ContinuousClock.now < deadline else { throw ToolProcess.Failure("\(user) has only \(lines)") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// The parts of the last answer.
    private func lastAnswer() -> [String] {
        let lines = process.output.split(separator: "\n")
        let end = lines.lastIndex(where: Self.isAnswer) ?? lines.endIndex
        let start = lines[..<end].lastIndex(where: Self.isAnswer).map { $0 + 1 } ?? lines.startIndex
        return lines[start..<end].filter { $0.hasPrefix("- ") }.map { String($0.dropFirst(2)) }
    }

    /// What the chats of this person have warned of, lost connections aside.
    var warnings: [String] {
        let kinds = ["! integrity: ", "! unreadable: ", "! not sent: ", "! voided: "]
        return (formerOutput + process.output.split(separator: "\n").map(String.init)).filter { line in
            kinds.contains { line.hasPrefix($0) }
        }
    }

    func quit() async throws -> Int32 {
        write("/quit")
        let process = process
        return try await onThread { try process.wait() }
    }
}
