import Glibc
import TestSupport

/// A person at `mlsrelay-chat --plain`.
struct ChatProcess: Sendable {
    let process: ToolProcess

    /// Starts the chat of `user` on `device`, with its data in a directory of the two.
    init(_ user: String, _ device: String, relay: String, in directory: TemporaryDirectory) throws {
        process = try ToolProcess(
            "mlsrelay-chat",
            [
                "--plain", "--relay", relay, "--user", user, "--device", device, "--data",
                "\(directory.path)/\(user)-\(device)",
            ], environment: ["MLSRELAY_CHAT_PASSPHRASE": "of \(user)"], hasInput: true)
    }

    /// Starts it and waits until it is connected.
    static func connected(
        _ user: String, _ device: String, relay: RelayProcess, in directory: TemporaryDirectory
    ) async throws -> ChatProcess {
        let url = relay.urls["ws"] ?? ""
        let chat = try await onThread { try ChatProcess(user, device, relay: url, in: directory) }
        try await chat.sees("* connected")
        return chat
    }

    /// Types a line, and waits for its answer, which begins with `answer`; returns the rest of it.
    @discardableResult
    func type(_ line: String, answer: String) async throws -> String {
        try process.write(line + "\n")
        return try await sees(beginning: answer)
    }

    /// Waits for a line; for each call the first one that there ever was.
    func sees(_ line: String) async throws {
        _ = try await onThread { [process] in try process.line { $0 == line ? true : nil } }
    }

    /// Waits for a line that begins so; returns the rest of it.
    /// - Throws: where an error comes before.
    @discardableResult
    func sees(beginning: String) async throws -> String {
        let line = try await onThread { [process] in
            try process.line { $0.hasPrefix(beginning) || $0.hasPrefix("error ") ? String($0) : nil }
        }
        guard line.hasPrefix(beginning) else { throw ToolProcess.Failure("\(line): \(process.output)") }
        return String(line.dropFirst(beginning.count))
    }

    /// Ends it as a person does; returns the status.
    func quit() async throws -> Int32 {
        try process.write("/quit\n")
        return try await onThread { [process] in try process.wait() }
    }
}
