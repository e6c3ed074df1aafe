import Foundation
import Glibc
import TestSupport
import Testing

@Suite("mlsrelay, the program", .timeLimit(.minutes(2)))
struct ServeTests {
    private func run(
        _ arguments: String..., environment: [String: String] = [:]
    ) async throws -> (ending: ChildProcess.Ending, output: String, error: String) {
        let process = try ChildProcess("mlsrelay", arguments, environment: environment)
        return (await process.end(), process.standardOutput, process.standardError)
    }

    // MARK: Help

    @Test("--version says the program's, the protocol's and the store's version")
    func version() async throws {
        let (ending, output, _) = try await run("--version")
        #expect(ending == .exited(0))
        #expect(output.firstMatch(of: /^mlsrelay \d+\.\d+\.\d+ \(protocol version 1, store format \d+\)\n$/) != nil)
    }

    @Test("serve --help has every setting with its default, and examples")
    func help() async throws {
        let (ending, output, _) = try await run("serve", "--help")
        #expect(ending == .exited(0))
        for text in ["EXAMPLES", "--listen", "--max-frame-size", "4MiB", "--idle-timeout", "60s", "--check", "LISTENING", "STORAGE"] {
            #expect(output.contains(text))
        }
    }

    @Test("an option that there is not ends with 64, a setting of the environment that cannot be with 78")
    func usage() async throws {
        #expect(try await run("serve", "--lops", "2").ending == .exited(EX_USAGE))
        let argument = try await run("serve", "--loops", "x")
        #expect(argument.ending == .exited(EX_USAGE))
        #expect(argument.error.contains(#"--loops is "x"; it must be a whole number from 1 to 256"#))
        let variable = try await run("serve", environment: ["MLSRELAY_LOOPS": "x"])
        #expect(variable.ending == .exited(EX_CONFIG))
        #expect(variable.error.contains(#"MLSRELAY_LOOPS is "x""#))
    }

    // MARK: Start and end

    @Test("SIGTERM and SIGINT end a relay with 0, and the log says so", arguments: [SIGTERM, SIGINT])
    func ends(_ signal: Int32) async throws {
        let relay = try await RelayProcess()
        #expect(relay.urls.count == 2)
        #expect(try relay.port("ws") != relay.port("tcp"))
        relay.process.signal(signal)
        #expect(await relay.process.end() == .exited(0))
        for text in ["runs", "listening url=\(relay.urls[0])", "ending", "ended"] {
            #expect(relay.process.standardError.contains(text))
        }
    }

    @Test("a relay that was killed starts again in the same directory")
    func restarts() async throws {
        let directory = try TemporaryDirectory()
        let first = try await RelayProcess(in: directory)
        await first.kill()
        let second = try await RelayProcess(in: directory)
        #expect(await second.end() == .exited(0))
    }

    @Test("a log line is a JSON object when it is asked for")
    func jsonLog() async throws {
        struct Line: Decodable {
            let time, level, message: String
            let data: [String: String]?
        }
        let relay = try await RelayProcess(environment: ["MLSRELAY_LOG_FORMAT": "json", "MLSRELAY_X": "\"\n"])
        await relay.end()
        let lines = try relay.process.standardError.split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
        #expect(lines.contains { $0.level == "notice" && $0.message == "listening" && $0.data?["url"] == relay.urls[1] })
        #expect(lines.contains { $0.level == "warning" && $0.data?["name"] == "MLSRELAY_X" })
    }

    @Test("a relay takes all file descriptors that the system allows")
    func descriptors() async throws {
        let directory = try TemporaryDirectory()
        let command = "ulimit -Sn 256; exec \"$0\" serve --listen ws://127.0.0.1:0 --data \"$1/data\""
        let process = try ChildProcess("/bin/sh", ["-c", command, ChildProcess.directory + "/mlsrelay", directory.path])
        _ = try await process.lines("listening on ", count: 1)
        process.signal(SIGTERM)
        #expect(await process.end() == .exited(0))
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #expect(process.standardError.contains("file descriptors before=256 limit=\(limit.rlim_max)"))
    }

    // MARK: What is in the way

    @Test("a port that is taken ends the start with 75 and says which")
    func portInUse() async throws {
        let relay = try await RelayProcess()
        let directory = try TemporaryDirectory()
        let other = try await run("serve", "--listen", relay.urls[0], "--data", directory.path + "/data")
        #expect(other.ending == .exited(EX_TEMPFAIL))
        #expect(other.error.contains("cannot listen on \(relay.urls[0]): Address already in use"))
        let check = try await run("serve", "--check", "--listen", relay.urls[0], "--data", directory.path + "/data")
        #expect(check.ending == .exited(1))
        #expect(check.error.contains(relay.urls[0]))
    }

    @Test("a data directory that a relay uses ends the start of another with 75 and says which")
    func directoryInUse() async throws {
        let relay = try await RelayProcess()
        let data = relay.directory.path + "/data"
        let other = try await run("serve", "--listen", "ws://127.0.0.1:0", "--data", data)
        #expect(other.ending == .exited(EX_TEMPFAIL))
        #expect(other.error.contains("another relay uses \(data)"))
        #expect(try await run("serve", "--check", "--listen", "ws://127.0.0.1:0", "--data", data).ending == .exited(1))
    }

    @Test("a data directory that cannot be made ends the start with 73")
    func directoryImpossible() async throws {
        let directory = try TemporaryDirectory()
        let data = directory.path + "/a/b"
        #expect(try await run("serve", "--listen", "ws://127.0.0.1:0", "--data", data).ending == .exited(EX_CANTCREAT))
        let check = try await run("serve", "--check", "--listen", "ws://127.0.0.1:0", "--data", data)
        #expect(check.ending == .exited(1))
        #expect(check.error.contains(data))
    }

    @Test("a file that is no store ends the start with 65")
    func notAStore() async throws {
        let directory = try TemporaryDirectory()
        try Data(repeating: 7, count: 16384).write(to: URL(fileURLWithPath: directory.path + "/data.mdb"))
        let start = try await run("serve", "--listen", "ws://127.0.0.1:0", "--data", directory.path)
        #expect(start.ending == .exited(EX_DATAERR))
    }

    // MARK: Check

    @Test("--check ends with 0 where a relay could start, and leaves nothing behind")
    func check() async throws {
        let directory = try TemporaryDirectory()
        let check = try await run("serve", "--check", "--listen", "ws://127.0.0.1:0", "--data", directory.path + "/data")
        #expect(check.ending == .exited(0))
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
        // And where one has been.
        let relay = try await RelayProcess(in: directory)
        await relay.end()
        let again = try await run("serve", "--check", "--listen", relay.urls[0], "--data", directory.path + "/data")
        #expect(again.ending == .exited(0))
    }

    @Test("--check ends with 1 for settings that cannot be, and says all that is wrong")
    func checkSettings() async throws {
        let check = try await run("serve", "--check", "--loops", "x", environment: ["MLSRELAY_PAST_EPOCHS": "y"])
        #expect(check.ending == .exited(1))
        #expect(check.error.contains("--loops") && check.error.contains("MLSRELAY_PAST_EPOCHS"))
    }

    @Test("a certificate and its key are loaded: other people's, rubbish and missing files are said to be so")
    func certificates() async throws {
        let directory = try TemporaryDirectory()
        let (mine, other) = (try Certificate(in: directory, named: "mine"), try Certificate(in: directory, named: "other"))
        await mine.made()
        await other.made()
        let rubbish = directory.path + "/rubbish.pem"
        try "rubbish\n".write(toFile: rubbish, atomically: false, encoding: .utf8)
        let broken = directory.path + "/broken.pem"
        try "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".write(toFile: broken, atomically: false, encoding: .utf8)

        func check(_ certificate: String, _ key: String) async throws -> (ChildProcess.Ending, String) {
            let options = ["serve", "--listen", "wss://127.0.0.1:0", "--data", directory.path + "/data"]
            let process = try ChildProcess("mlsrelay", options + ["--check", "--certificate", certificate, "--key", key])
            return (await process.end(), process.standardError)
        }
        #expect(try await check(mine.certificate, mine.key) == (.exited(0), ""))
        for (certificate, key) in [
            (mine.certificate, other.key), (rubbish, mine.key), (mine.certificate, rubbish), (broken, mine.key),
            (directory.path + "/nothing.pem", mine.key), (mine.key, mine.certificate),
        ] {
            let (ending, error) = try await check(certificate, key)
            #expect(ending == .exited(1))
            #expect(error.contains(certificate) || error.contains(key))
        }
        let start = try await run(
            "serve", "--listen", "wss://127.0.0.1:0", "--data", directory.path + "/data", "--certificate", mine.certificate,
            "--key", other.key)
        #expect(start.ending == .exited(EX_NOINPUT))
        let relay = try await RelayProcess(
            in: directory, listen: ["wss://127.0.0.1:0", "tls://127.0.0.1:0"],
            arguments: ["--certificate", mine.certificate, "--key", mine.key])
        for scheme in ["wss", "tls"] {
            let client = try ChildProcess(
                "/usr/bin/openssl", ["s_client", "-brief", "-connect", "127.0.0.1:\(relay.port(scheme))"])
            await client.end()
            #expect(client.standardError.contains("Protocol version: TLSv1.3"), "\(scheme)")
        }
        #expect(await relay.end() == .exited(0))
    }
}

/// A certificate for localhost that signs itself.
private struct Certificate {
    let certificate: String
    let key: String
    private let making: ChildProcess

    init(in directory: TemporaryDirectory, named name: String) throws {
        certificate = "\(directory.path)/\(name).pem"
        key = "\(directory.path)/\(name).key"
        making = try ChildProcess(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                "/CN=localhost", "-keyout", key, "-out", certificate,
            ])
    }

    func made() async { #expect(await making.end() == .exited(0)) }
}
