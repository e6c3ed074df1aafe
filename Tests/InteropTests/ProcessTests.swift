import TestSupport
import Testing

@Suite("mls-interop as a process", .timeLimit(.minutes(2)))
struct ProcessTests {
    @Test("each line is answered at once; the end of the input, and quit, are the end")
    func lines() async throws {
        try await onThread {
            for ending in ["quit\n", ""] {
                let process = try ToolProcess("mls-interop", [], hasInput: true)
                try process.write("# a comment\n\nnew-client alice 1\n")
                let first = try process.line(number: 0, within: 20)
                #expect(first.hasPrefix(#"{"ok":true,"signature_key":""#))
                try process.write("nonsense\n" + ending)
                let second = try process.line(number: 1, within: 20)
                #expect(second == #"{"ok":false,"error":"there is no command nonsense"}"#)
                process.closeInput()
                let status = try process.wait(within: 20)
                #expect(status == 0 && process.errors.isEmpty)
            }
        }
    }

    @Test("hostile bytes in every argument are answered and end nothing")
    func hostileBytes() async throws {
        try await onThread {
            let session = try ProcessSession()
            try session.makeGroup("alice", "bob", "carol")
            var generator = SeededGenerator(seed: 9)
            let samples = try [
                session.text("message", of: "@bob protect 00"), session.text("commit", of: "@bob commit path"),
                session.text("proposal", of: "@bob update"), session.text("group_info", of: "@bob group-info"),
                session.text("key_package", of: "@bob key-package"), session.text("ratchet_tree", of: "@bob tree"),
            ]
            let words = ["-", "00", "zz", "4294967295", "18446744073709551615", "-1", "=", ":", "5=00", "self", "€"]
            let names = Set(try session("help").texts("commands").map { String($0.prefix { $0 != " " }) })
            for name in names.subtracting(["quit"]).sorted() {
                for count in 0..<6 {
                    let arguments = (0..<count).map { _ in
                        let sample = samples.randomElement(using: &generator) ?? ""
                        switch Int.random(in: 0..<4, using: &generator) {
                        case 0: return Self.damaged(sample, using: &generator)
                        case 1: return sample
                        case 2: return "add=" + Self.damaged(sample, using: &generator)
                        default: return words.randomElement(using: &generator) ?? "-"
                        }
                    }
                    _ = try session.answer("@alice \(name) \(arguments.joined(separator: " "))")
                }
            }
            let isAlive = try session("suites").isOK
            #expect(isAlive)
        }
    }

    /// The same hexadecimal digits but for a few, or fewer of them.
    private static func damaged(_ sample: String, using generator: inout SeededGenerator) -> String {
        var digits = Array(sample)
        if Bool.random(using: &generator) { return String(digits.prefix(digits.count / 4 * 2)) }
        for _ in 0..<3 {
            let place = Int.random(in: 0..<digits.count, using: &generator)
            digits[place] = "0123456789abcdef".randomElement(using: &generator) ?? "0"
        }
        return String(digits)
    }
}
