import Foundation
import Glibc
import TestSupport
import Testing

@Suite("mlsrelay, the program", .timeLimit(.minutes(2)))
struct ServeTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private var data: String { directory.path + "/data" }

    /// Runs `mlsrelay` to its end.
    private func run(
        _ arguments: String..., environment: [String: String] = [:]
    ) async throws -> (status: Int32, output: String, errors: String) {
        try await onThread {
            let process = try ToolProcess("mlsrelay", arguments, environment: environment)
            return (try process.wait(), process.output, process.errors)
        }
    }

    // MARK: Help

    @Test("--version says the program's, the protocol's and the store's version")
    func version() async throws {
        let (status, output, _) = try await run("--version")
        #expect(status == 0)
        #expect(output.firstMatch(of: /^mlsrelay \d+\.\d+\.\d+ \(protocol version 1, store format \d+\)\n$/) != nil)
    }

    @Test("serve --help has every setting with its default, and examples")
    func help() async throws {
        let (status, output, _) = try await run("serve", "--help")
        #expect(status == 0)
        for text in [
            "EXAMPLES", "--listen", "--max-frame-size", "4MiB", "--idle-timeout", "60s", "--check", "LISTENING",
            "STORAGE",
        ] {
            #expect(output.contains(text))
        }
    }

    @Test("an option that there is not ends with 64, a setting of the environment that cannot be with 78")
    func usage() async throws {
        #expect(try await run("serve", "--lops", "2").status == EX_USAGE)
        let argument = try await run("serve", "--loops", "x")
        #expect(argument.status == EX_USAGE)
        #expect(argument.errors.contains(#"--loops is "x"; it must be a whole number from 1 to 256"#))
        let variable = try await run("serve", environment: ["MLSRELAY_LOOPS": "x"])
        #expect(variable.status == EX_CONFIG)
        #expect(variable.errors.contains(#"MLSRELAY_LOOPS is "x""#))
    }

    // MARK: Start and end

    @Test("SIGTERM and SIGINT end a relay with 0, and the log says so", arguments: [SIGTERM, SIGINT])
    func ends(_ signal: Int32) async throws {
        let relay = try await RelayProcess.started(in: directory)
        #expect(relay.port("ws") != 0 && relay.port("tcp") != 0 && relay.port("ws") != relay.port("tcp"))
        #expect(try await relay.ended(by: signal) == 0)
        for text in ["runs", "listening url=\(relay.urls["ws"] ?? "")", "ending", "ended"] {
            #expect(relay.process.errors.contains(text))
        }
    }

    @Test("a relay that was killed starts again in the same directory")
    func restarts() async throws {
        let first = try await RelayProcess.started(in: directory)
        #expect(try await first.ended(by: SIGKILL) == 128 + SIGKILL)
        let second = try await RelayProcess.started(in: directory)
        #expect(try await second.ended() == 0)
    }

    @Test("a log line is a JSON object when it is asked for")
    func jsonLog() async throws {
        struct Line: Decodable {
            let time, level, message: String
            let data: [String: String]?
        }
        let relay = try await RelayProcess.started(
            in: directory, environment: ["MLSRELAY_LOG_FORMAT": "json", "MLSRELAY_X": "\"\n"])
        try await relay.ended()
        let lines = try relay.process.errors.split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
        #expect(
            lines.contains { $0.level == "notice" && $0.message == "listening" && $0.data?["url"] == relay.urls["tcp"] }
        )
        #expect(lines.contains { $0.level == "warning" && $0.data?["name"] == "MLSRELAY_X" })
    }

    @Test("a relay takes all file descriptors that the system allows")
    func descriptors() async throws {
        let command = "ulimit -Sn 256; exec \"$0\" serve --listen ws://127.0.0.1:0 --data \"$1\""
        let arguments = ["-c", command, ToolProcess.productDirectory + "/mlsrelay", data]
        let (status, errors) = try await onThread {
            let process = try ToolProcess("/bin/sh", arguments)
            try process.line { $0.hasPrefix("listening on ") ? () : nil }
            process.send(signal: SIGTERM)
            return (try process.wait(), process.errors)
        }
        #expect(status == 0)
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #expect(errors.contains("file descriptors before=256 limit=\(limit.rlim_max)"))
    }

    // MARK: What is in the way

    @Test("a port that is taken ends the start with 75 and says which")
    func portInUse() async throws {
        let relay = try await RelayProcess.started(in: directory)
        let url = try #require(relay.urls["ws"])
        let other = try await run("serve", "--listen", url, "--data", directory.path + "/other")
        #expect(other.status == EX_TEMPFAIL)
        #expect(other.errors.contains("cannot listen on \(url): Address already in use"))
        let check = try await run("serve", "--check", "--listen", url, "--data", directory.path + "/other")
        #expect(check.status == 1)
        #expect(check.errors.contains(url))
    }

    @Test("a data directory that a relay uses ends the start of another with 75 and says which")
    func directoryInUse() async throws {
        let relay = try await RelayProcess.started(in: directory)
        let other = try await run("serve", "--listen", "ws://127.0.0.1:0", "--data", data)
        #expect(other.status == EX_TEMPFAIL)
        #expect(other.errors.contains("another relay uses \(data)"))
        #expect(try await run("serve", "--check", "--listen", "ws://127.0.0.1:0", "--data", data).status == 1)
        #expect(try await relay.ended() == 0)
    }

    @Test("a data directory that cannot be made ends the start with 73")
    func directoryImpossible() async throws {
        let data = directory.path + "/a/b"
        #expect(try await run("serve", "--listen", "ws://127.0.0.1:0", "--data", data).status == EX_CANTCREAT)
        let check = try await run("serve", "--check", "--listen", "ws://127.0.0.1:0", "--data", data)
        #expect(check.status == 1)
        #expect(check.errors.contains(data))
    }

    @Test("a file that is no store ends the start with 65")
    func notAStore() async throws {
        try Data(repeating: 7, count: 16384).write(to: URL(fileURLWithPath: directory.path + "/data.mdb"))
        #expect(try await run("serve", "--listen", "ws://127.0.0.1:0", "--data", directory.path).status == EX_DATAERR)
    }

    // MARK: Check

    @Test("--check ends with 0 where a relay could start, and leaves nothing behind")
    func check() async throws {
        #expect(try await run("serve", "--check", "--listen", "ws://127.0.0.1:0", "--data", data).status == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
        // And where one has been.
        let relay = try await RelayProcess.started(in: directory)
        try await relay.ended()
        let url = try #require(relay.urls["ws"])
        #expect(try await run("serve", "--check", "--listen", url, "--data", data).status == 0)
    }

    @Test("--check ends with 1 for settings that cannot be, and says all that is wrong")
    func checkSettings() async throws {
        let check = try await run("serve", "--check", "--loops", "x", environment: ["MLSRELAY_PAST_EPOCHS": "y"])
        #expect(check.status == 1)
        #expect(check.errors.contains("--loops") && check.errors.contains("MLSRELAY_PAST_EPOCHS"))
    }

    @Test("N-16: --check looks at the authority's directory, and makes none")
    func checkAuthority() async throws {
        func check(_ authority: String) async throws -> (status: Int32, output: String, errors: String) {
            try await run(
                "serve", "--check", "--listen", "tcp://127.0.0.1:0", "--data", data, "--authority", authority)
        }
        let (new, rubbish) = (directory.path + "/authority", directory.path + "/rubbish")
        #expect(try await check(new).status == 0)
        #expect(!FileManager.default.fileExists(atPath: new))
        let nowhere = try await check(directory.path + "/no/where")
        #expect(nowhere.status == 1)
        #expect(nowhere.errors.contains("\(directory.path)/no/where cannot be made"))
        try FileManager.default.createDirectory(
            atPath: rubbish, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        try "rubbish\n".write(toFile: rubbish + "/root.pem", atomically: false, encoding: .utf8)
        let broken = try await check(rubbish)
        #expect(broken.status == 1)
        #expect(broken.errors.contains(rubbish))
    }

    // MARK: Certificates

    @Test("a certificate that does not load, or not with its key, is said to be so and ends the start with 66")
    func badCertificates() async throws {
        let (mine, other) = try await onThread { [directory] in
            (try directory.makeCertificate(named: "mine"), try directory.makeCertificate(named: "other"))
        }
        let rubbish = directory.path + "/rubbish.pem"
        try "rubbish\n".write(toFile: rubbish, atomically: false, encoding: .utf8)
        let broken = directory.path + "/broken.pem"
        try "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".write(
            toFile: broken, atomically: false, encoding: .utf8)
        for (certificate, key) in [
            (mine.chain, other.key), (rubbish, mine.key), (mine.chain, rubbish), (broken, mine.key),
            (directory.path + "/nothing.pem", mine.key), (mine.key, mine.chain),
        ] {
            for listen in ["wss://127.0.0.1:0", "tls://127.0.0.1:0"] {
                let check = try await run(
                    "serve", "--check", "--listen", listen, "--data", data, "--certificate", certificate, "--key", key)
                #expect(check.status == 1)
                #expect(check.errors.contains(certificate) || check.errors.contains(key))
                let start = try await run(
                    "serve", "--listen", listen, "--data", data, "--certificate", certificate, "--key", key)
                #expect(start.status == EX_NOINPUT)
            }
        }
    }

    @Test("wss and tls speak TLS 1.2 and 1.3, and nothing before", arguments: ["wss", "tls"])
    func tlsVersions(_ scheme: String) async throws {
        let certificate = try await onThread { [directory] in try directory.makeCertificate() }
        let check = try await run(
            "serve", "--check", "--listen", "\(scheme)://127.0.0.1:0", "--data", data, "--certificate",
            certificate.chain, "--key",
            certificate.key)
        #expect(check.status == 0)
        #expect(check.errors == "")
        let relay = try await RelayProcess.started(in: directory, schemes: [scheme], certificate: certificate)
        for (version, isSpoken) in [("tls1_3", true), ("tls1_2", true), ("tls1_1", false), ("tls1", false)] {
            let address = "127.0.0.1:\(relay.port(scheme))"
            // Security level 0: the client at least would speak the old ones.
            let arguments = ["s_client", "-brief", "-\(version)", "-cipher", "ALL:@SECLEVEL=0", "-connect", address]
            let errors = try await onThread {
                let client = try ToolProcess("/usr/bin/openssl", arguments)
                _ = try client.wait()
                return client.errors
            }
            #expect(errors.contains("CONNECTION ESTABLISHED") == isSpoken, "\(version)")
        }
        #expect(try await relay.ended() == 0)
    }
}
