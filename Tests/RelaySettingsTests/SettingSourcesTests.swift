import Foundation
import RelayCore
import RelayServer
import RelaySettings
import RelayStore
import RelayTransport
import TestSupport
import Testing

@Suite("Settings from the command line, the environment and a file")
struct SettingSourcesTests {
    private func settings(
        arguments: [String: [String]] = [:], environment: [String: String] = [:], file: String? = nil
    ) throws -> Settings {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/mlsrelay.json"
        if let file { try file.write(toFile: path, atomically: false, encoding: .utf8) }
        return try SettingSources(arguments: arguments, environment: environment, file: file == nil ? nil : path)
            .settings()
    }

    private func errors(
        arguments: [String: [String]] = [:], environment: [String: String] = [:], file: String? = nil
    ) -> [String] {
        do {
            _ = try settings(arguments: arguments, environment: environment, file: file)
            return []
        } catch {
            return (error as? SettingErrors)?.all.map(\.description) ?? ["\(error)"]
        }
    }

    @Test("without any, the relay listens on this machine and keeps its data under the current directory")
    func defaults() throws {
        let settings = try settings()
        #expect(
            settings.server.transport.listeners.map(\.description) == ["ws://127.0.0.1:7680", "tcp://127.0.0.1:7681"])
        #expect(settings.server.dataDirectory == "mlsrelay-data")
        #expect(settings.server.transport.loopCount >= 1)
    }

    @Test("the command line goes before the environment, the environment before the file, the file before the default")
    func precedence() throws {
        let file = #"{"loops": 2, "max-subscriptions": 20, "past-epochs": 3}"#
        let environment = ["MLSRELAY_LOOPS": "3", "MLSRELAY_MAX_SUBSCRIPTIONS": "30"]
        let settings = try settings(arguments: ["loops": ["4"]], environment: environment, file: file)
        #expect(settings.server.transport.loopCount == 4)
        #expect(settings.server.session.maxSubscriptions == 30)
        #expect(settings.server.core.pastEpochs == 3)
        #expect(settings.server.core.maxKeyPackagesPerPool == 100)
    }

    @Test("a list comes repeated, separated by commas, or as an array, and is replaced as a whole")
    func lists() throws {
        let urls = ["ws://127.0.0.1:1", "tcp://[::1]:2"]
        let arguments = try settings(arguments: ["listen": urls], environment: ["MLSRELAY_LISTEN": "ws://127.0.0.1:9"])
        #expect(arguments.server.transport.listeners.map(\.description) == urls)
        let environment = try settings(environment: ["MLSRELAY_LISTEN": "ws://127.0.0.1:1, tcp://[::1]:2"])
        #expect(environment.server.transport.listeners.map(\.description) == urls)
        let array = try settings(file: #"{"listen": ["ws://127.0.0.1:1", "tcp://[::1]:2"]}"#)
        #expect(array.server.transport.listeners.map(\.description) == urls)
        let single = try settings(file: #"{"listen": "ws://127.0.0.1:1"}"#)
        #expect(single.server.transport.listeners.map(\.description) == ["ws://127.0.0.1:1"])
    }

    @Test(
        "an address without a port has its scheme's own",
        arguments: [
            ("ws://10.0.0.1", "ws://10.0.0.1:7680"), ("tcp://[::1]", "tcp://[::1]:7681"),
            ("wss://0.0.0.0", "wss://0.0.0.0:7443"),
            ("tls://[::]", "tls://[::]:7444"),
        ])
    func defaultPorts(_ text: String, _ whole: String) { #expect(ListenAddress(text)?.description == whole) }

    @Test(
        "what is no address is refused",
        arguments: [
            "127.0.0.1:7680", "http://127.0.0.1:1", "ws://", "ws://localhost:1", "ws://127.0.0.1:",
            "ws://127.0.0.1:70000",
            "ws://::1:80", "ws://[::1", "ws://[::1]80", "ws://127.0.0.1:-1",
        ])
    func badAddresses(_ text: String) {
        #expect(ListenAddress(text) == nil)
        #expect(errors(arguments: ["listen": [text]]).count == 1)
    }

    @Test(
        "sizes have binary units",
        arguments: [("65536", 65536), ("64KiB", 65536), ("2MiB", 2 << 20), ("1GiB", 1 << 30), ("16TiB", 16 << 40)])
    func sizes(_ text: String, _ byteCount: Int) throws {
        guard byteCount >= 1 << 20 else {
            #expect(
                try settings(environment: ["MLSRELAY_MIN_WRITE_SIZE": text]).server.session.minWriteByteCount
                    == byteCount)
            return
        }
        #expect(try settings(environment: ["MLSRELAY_MAX_STORE_SIZE": text]).server.store.maxByteCount == byteCount)
    }

    @Test("times have units", arguments: [("500ms", 500), ("10s", 10_000), ("2min", 120_000)])
    func times(_ text: String, _ milliseconds: UInt64) throws {
        #expect(
            try settings(arguments: ["hello-timeout": [text]]).server.session.helloTimeoutMilliseconds == milliseconds)
    }

    @Test(
        "a value that is none says where it is, what it is and what is allowed",
        arguments: [
            ("hello-timeout", "10"), ("hello-timeout", "-1s"), ("hello-timeout", "s"), ("hello-timeout", "1h30"),
            ("loops", "0"),
            ("loops", "two"), ("loops", ""), ("loops", "1.5"), ("max-frame-size", "1GiB"), ("max-frame-size", "1MB"),
            ("max-frame-size", "99999999999999999999"), ("max-store-size", "9999999TiB"), ("log-level", "loud"),
            ("server-name", ""),
        ])
    func invalidValues(_ name: String, _ text: String) throws {
        let setting = try #require(allSettings.first { $0.name == name })
        #expect(errors(arguments: [name: [text]]) == ["--\(name) is \"\(text)\"; it must be \(setting.allowed)"])
        #expect(
            errors(environment: [setting.environmentName: text])
                == ["\(setting.environmentName) is \"\(text)\"; it must be \(setting.allowed)"])
    }

    @Test("all that is wrong is said at once")
    func allErrors() {
        #expect(errors(arguments: ["loops": ["x"]], environment: ["MLSRELAY_PAST_EPOCHS": "y"]).count == 2)
    }

    @Test("a number in the file may be a number")
    func numbersInTheFile() throws {
        #expect(try settings(file: #"{"max-frame-size": 2097152}"#).server.transport.maxFrameByteCount == 2 << 20)
        #expect(errors(file: #"{"loops": 1000}"#).first?.contains(#""loops" in "#) == true)
    }

    @Test(
        "a file that is none, or has a key or a value that no setting has, is refused",
        arguments: [
            (#"{"lops": 2}"#, "lops"), (#"{"loops": true}"#, "loops"), (#"{"loops": {"a": 1}}"#, "loops"),
            (#"{"loops": null}"#, "loops"),
            (#"{"loops": 1.5}"#, "loops"), (#"{"listen": [1]}"#, "listen"), (#"[]"#, "JSON"), (#"{"loops": 2"#, "JSON"),
            ("", "JSON"),
        ])
    func badFiles(_ content: String, _ hint: String) {
        let errors = errors(file: content)
        #expect(errors.count == 1)
        #expect(errors.first?.contains(hint) == true)
    }

    @Test("a file that is not there is refused")
    func missingFile() {
        #expect(throws: SettingErrors.self) {
            _ = try SettingSources(arguments: [:], environment: ["MLSRELAY_CONFIG": "/nowhere/mlsrelay.json"])
        }
    }

    @Test("settings that contradict each other are refused")
    func contradictions() {
        #expect(errors(arguments: ["listen": ["wss://127.0.0.1:1"]]).count == 2)
        #expect(errors(arguments: ["max-message-size": ["4MiB"]]).count == 1)
        #expect(errors(arguments: ["max-key-package-size": ["2MiB"]]).count == 1)
        #expect(errors(arguments: ["min-write-size": ["1MiB"]]).count == 1)
        #expect(errors(arguments: ["loops": ["120"]]).count == 1)
        #expect(errors(arguments: ["listen": ["ws://127.0.0.1:1", "tcp://127.0.0.1:1"]]).count == 1)
        #expect(errors(arguments: ["listen": ["ws://127.0.0.1:0", "tcp://127.0.0.1:0"]]).isEmpty)
    }

    @Test("a variable that looks like a setting and is none is named")
    func unknownVariables() {
        let environment = ["MLSRELAY_LOPS": "1", "MLSRELAY_LOOPS": "1", "MLSRELAY_CONFIG": "x", "HOME": "/"]
        #expect(SettingSources.unknownVariables(in: environment) == ["MLSRELAY_LOPS"])
    }

    @Test(
        "every setting has a help, a range that its default is in, and a name that nothing else has",
        arguments: allSettings)
    func table(_ setting: Setting) throws {
        #expect(allSettings.filter { $0.name == setting.name }.count == 1)
        #expect(setting.help.hasSuffix("."))
        guard let text = setting.defaultText else { return }
        let texts = setting.isList ? text.split(separator: ", ").map(String.init) : [text]
        #expect(errors(arguments: [setting.name: texts]) == [])
    }

    @Test("everything in the configuration can be set: no limit is without a setting")
    func completeness() throws {
        let before = Self.leaves(Settings())
        var changed: Set<String> = []
        for setting in allSettings {
            // One of these is allowed, and not the default.
            for text in [
                "tcp://127.0.0.1:1", "/file", "name", "3", "97", "2000", "2KiB", "2MiB", "7s", "240h", "2000h", "debug",
                "json", "closed", "basic", "limited", "hidden",
            ] {
                guard text != setting.defaultText,
                    let settings = try? SettingSources(arguments: [setting.name: [text]], environment: [:]).settings()
                else { continue }
                changed.formUnion(Self.leaves(settings).filter { before[$0.key] != $0.value }.keys)
            }
        }
        #expect(before.keys.filter { !changed.contains($0) }.sorted() == [])
    }

    @Test("README.md has the table of settings, word for word")
    func readme() throws {
        var rows = ["| Option | Default | |", "|---|---|---|"]
        for section in settingSections {
            rows.append("| **\(section.title)** | | |")
            for setting in section.settings {
                // How many processors there are is the machine's.
                let defaultText = setting.name == "loops" ? "processors - 1" : setting.defaultText ?? ""
                rows.append("| `--\(setting.name) \(setting.placeholder)` | \(defaultText) | \(setting.help) |")
            }
        }
        // This file is <package>/Tests/RelaySettingsTests/SettingSourcesTests.swift.
        var file = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { file.deleteLastPathComponent() }
        let readme = try String(contentsOf: file.appendingPathComponent("README.md"), encoding: .utf8)
        let table = rows.joined(separator: "\n")
        #expect(readme.contains(table), "\(table)")
    }

    /// All values in `value`, by the names of the properties that lead there.
    private static func leaves(_ value: Any, at path: String = "") -> [String: String] {
        let mirror = Mirror(reflecting: value)
        guard mirror.displayStyle == .struct else { return [path: "\(value)"] }
        return mirror.children.reduce(into: [:]) { $0.merge(leaves($1.value, at: "\(path).\($1.label ?? "")")) { $1 } }
    }
}
