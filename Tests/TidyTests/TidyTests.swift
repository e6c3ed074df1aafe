import Foundation
import TestSupport
import Testing

/// The repository as files.
private enum Repository {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The Swift files below a folder, by their path in the repository.
    static func swiftFiles(below folder: String) throws -> [(path: String, text: String)] {
        let base = root.appendingPathComponent(folder)
        guard let paths = FileManager.default.enumerator(atPath: base.path) else { return [] }
        return try paths.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.map { path in
            let text = try String(contentsOf: base.appendingPathComponent(path), encoding: .utf8)
            return ("\(folder)/\(path)", text)
        }
    }

    /// The modules that a file imports.
    static func imports(of text: String) -> [String] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").filter {
                !["public", "internal", "package", "@testable"].contains($0)
            }
            guard words.first == "import", words.count == 2 else { return nil }
            return String(words[1])
        }
    }
}

@Suite("The repository (style: tidy)", .timeLimit(.minutes(5)))
struct TidyTests {
    @Test("swift format finds nothing: 120 columns, no forced unwraps")
    func format() async throws {
        let (code, findings) = try await onThread {
            let folders = ["Sources", "Wire", "Tools", "Tests", "Package.swift"].map {
                Repository.root.appendingPathComponent($0).path
            }
            let configuration = Repository.root.appendingPathComponent(".swift-format").path
            let lint = try ToolProcess(
                "/usr/bin/env",
                ["swift", "format", "lint", "--strict", "-r", "--configuration", configuration] + folders)
            return (try lint.wait(within: 240), lint.errors)
        }
        #expect(code == 0, "\(findings)")
    }

    @Test(
        "each C library has its importers and no others",
        arguments: [
            ("CLMDB", ["ClientStore", "RelayStore"]), ("CLibwebsockets", ["RelayTransport"]),
            // MLSCrypto alone has its cryptography; the client's TLS is OpenSSL's too.
            // RelayAuthority writes certificates, mls-bench measures what it costs by itself.
            ("COpenSSL", ["ClientTransport", "MLSCrypto", "RelayAuthority", "mls-bench"]),
            ("CLinux", ["ClientTransport"]),
            ("CAllocations", ["mls-bench"]),
        ])
    func importers(module: String, expected: [String]) throws {
        let files =
            try Repository.swiftFiles(below: "Sources") + Repository.swiftFiles(below: "Wire")
            + Repository.swiftFiles(below: "Tools")
        let importers = files.filter { Repository.imports(of: $0.text).contains(module) }
            .map { String($0.path.split(separator: "/")[1]) }
        #expect(Set(importers).sorted() == expected)
    }

    @Test(
        "arrows point down: a target knows nothing of those above it",
        arguments: [
            ("Sources/TLSPresentation", []),
            ("Sources/MLSCodec", ["TLSPresentation"]),
            ("Sources/MLSCrypto", ["COpenSSL", "MLSCodec", "TLSPresentation"]),
            ("Sources/MLSPublicGroup", ["HashTreeCollections", "MLSCodec", "MLSCrypto", "TLSPresentation"]),
            ("Sources/MLS", ["MLSCodec", "MLSCrypto", "MLSPublicGroup", "TLSPresentation"]),
            ("Sources/RelayCredentials", ["MLSCodec", "MLSCrypto", "MLSPublicGroup", "TLSPresentation"]),
            (
                "Sources/RelayAuthority",
                ["COpenSSL", "MLSCodec", "MLSCrypto", "RelayCredentials", "TLSPresentation"]
            ),
            ("Wire/Codec", ["MLSCodec", "MLSCrypto", "TLSPresentation"]),
            ("Sources/RelayCore", ["MLSCodec", "MLSCrypto", "MLSPublicGroup", "RelayWire", "TLSPresentation"]),
            ("Sources/RelayTransport", ["CLibwebsockets", "RelayWire", "TLSPresentation", "WebSocketFraming"]),
            (
                "Sources/RelayConnection",
                ["ClientTransport", "MLSCodec", "MLSCrypto", "RelayWire", "TLSPresentation"]
            ),
            ("Sources/ClientStore", ["CLMDB", "MLSCrypto", "TLSPresentation"]),
            (
                "Sources/RelayClient",
                [
                    "ClientStore", "ClientTransport", "MLS", "MLSCodec", "MLSCrypto", "MLSPublicGroup",
                    "RelayConnection", "RelayCredentials", "RelayWire", "TLSPresentation",
                ]
            ),
            ("Tools/mlsrelay-chat", ["ArgumentParser", "RelayClient"]),
        ])
    func arrows(folder: String, allowed: [String]) throws {
        // What is not ours: the platform and the packages.
        let outside: Set = [
            "Dispatch", "Foundation", "Glibc", "Synchronization", "DequeModule", "HashTreeCollections", "HeapModule",
        ]
        for file in try Repository.swiftFiles(below: folder) {
            let known = Set(Repository.imports(of: file.text)).subtracting(outside)
            #expect(known.isSubset(of: allowed), "\(file.path) imports \(known.subtracting(allowed))")
        }
    }

    @Test(
        "applications see nothing of the protocol, of MLS or of the store: the client library imports none of it publicly"
    )
    func clientSurface() throws {
        for file in try Repository.swiftFiles(below: "Sources/RelayClient") {
            let lines = file.text.split(separator: "\n").filter { $0.hasPrefix("public import") }
            #expect(lines.isEmpty, "\(file.path): \(lines)")
        }
        // What is imported for itself alone cannot be in a public declaration where this is on.
        let package = try String(contentsOf: Repository.root.appendingPathComponent("Package.swift"), encoding: .utf8)
        #expect(package.contains(".enableUpcomingFeature(\"InternalImportsByDefault\")"))
    }

    @Test("no secret can reach what everybody may see of a group: no type that holds one is named there")
    func publicGroup() throws {
        let secretTypes = [
            "SecretBytes", "SharedSecret", "SecretWriter", "HPKEPrivateKey", "SigningKey", "CipherSuiteContext",
            "KeyAndNonce", "HPKERecipient",
        ]
        for file in try Repository.swiftFiles(below: "Sources/MLSPublicGroup") {
            let named = secretTypes.filter(file.text.contains)
            #expect(named.isEmpty, "\(file.path) names \(named)")
        }
    }
}
