import Foundation
import TestSupport

@testable import mls_interop

/// What a line is answered with.
struct Answer {
    let line: String
    private let fields: [String: Any]

    init(_ line: String) throws {
        self.line = line
        guard let fields = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
            throw ToolProcess.Failure("not an object: \(line)")
        }
        self.fields = fields
    }

    var isOK: Bool { fields["ok"] as? Bool == true }
    var error: String? { fields["error"] as? String }

    subscript(name: String) -> Any? { fields[name] }

    func has(_ name: String) -> Bool { fields[name] != nil }
    func text(_ name: String) throws -> String { try value(name) }
    func number(_ name: String) throws -> Int { try value(name) }
    func flag(_ name: String) throws -> Bool { try value(name) }
    func texts(_ name: String) throws -> [String] { try value(name) }
    func objects(_ name: String) throws -> [[String: Any]] { try value(name) }

    /// The names of `members`.
    func memberNames() throws -> [String] { try objects("members").compactMap { $0["name"] as? String } }

    private func value<Value>(_ name: String) throws -> Value {
        guard let value = fields[name] as? Value else { throw ToolProcess.Failure("no such \(name): \(line)") }
        return value
    }
}

/// Something that answers lines.
protocol Session {
    func answer(_ line: String) throws -> Answer
}

extension Session {
    /// The answer to a line that has to succeed.
    @discardableResult
    func callAsFunction(_ line: String) throws -> Answer {
        let answer = try answer(line)
        guard answer.isOK else { throw ToolProcess.Failure("\(line.prefix(80)): \(answer.error ?? answer.line)") }
        return answer
    }

    /// The error of a line that has to fail.
    func refusal(_ line: String) throws -> String {
        let answer = try answer(line)
        guard !answer.isOK, let error = answer.error else {
            throw ToolProcess.Failure("\(line.prefix(80)) succeeded: \(answer.line.prefix(200))")
        }
        return error
    }

    /// The field of the answer to `line` that has its name, or another one.
    func text(_ name: String, of line: String) throws -> String { try self(line).text(name) }

    /// Clients of `suite`, in a group that the first one made, in epoch 1 if there are several.
    func makeGroup(_ names: String..., suite: Int = 1, id: String = "0102", extensions: String = "") throws {
        for name in names { try self("new-client \(name) \(suite)") }
        try self("@\(names[0]) create-group \(id) \(extensions)")
        guard names.count > 1 else { return }
        let adds = try names.dropFirst().map { try "add=" + text("key_package", of: "@\($0) key-package") }
        let commit = try self("@\(names[0]) commit now \(adds.joined(separator: " "))")
        for name in names.dropFirst() { try self("@\(name) join \(commit.text("welcome"))") }
    }

    /// Has each client process a message.
    @discardableResult
    func process(_ message: String, _ names: String...) throws -> [Answer] {
        try names.map { try self("@\($0) process \(message)") }
    }

    /// Whether all clients have the same state but for their leaves, and the same secrets.
    func agree(_ names: String...) throws -> Bool {
        let states = try Set(
            names.map { name in
                let state = try self("@\(name) state")
                return try [
                    state.text("group_id"), "\(state.number("epoch"))", state.text("tree_hash"),
                    state.text("epoch_authenticator"), state.memberNames().joined(separator: ","),
                ]
            })
        // The encryption secret is gone wherever a message was sent or received.
        let secrets = try Set(names.map { try self("@\($0) secrets").secretsButEncryption() })
        return states.count == 1 && secrets.count == 1
    }
}

extension Answer {
    fileprivate func secretsButEncryption() throws -> [String] {
        try ["sender_data_secret", "exporter_secret", "external_secret", "confirmation_key", "membership_key"].map(text)
            + ["resumption_psk", "epoch_authenticator", "init_secret"].map(text)
    }
}

/// The interpreter itself, in this process.
final class DirectSession: Session {
    private let interpreter = Interpreter()

    var isOver: Bool { interpreter.isOver }
    var commandNames: [String] { interpreter.commands.map(\.name) }

    func answer(_ line: String) throws -> Answer {
        guard let answer = interpreter.answer(to: line) else { throw ToolProcess.Failure("no answer to \(line)") }
        return try Answer(answer.encoded)
    }

    /// Whether a line is passed over.
    func isPassedOver(_ line: String) -> Bool { interpreter.answer(to: line) == nil }
}

/// The executable, in a process of its own.
final class ProcessSession: Session {
    let process: ToolProcess
    private var answerCount = 0

    init() throws { process = try ToolProcess("mls-interop", [], hasInput: true) }

    deinit {
        process.closeInput()
        process.send(signal: SIGKILL)
    }

    func answer(_ line: String) throws -> Answer {
        try process.write(line + "\n")
        defer { answerCount += 1 }
        return try Answer(process.line(number: answerCount))
    }
}
