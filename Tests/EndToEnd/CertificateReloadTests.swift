import ClientTransport
import Foundation
import Glibc
import RelayConnection
import TestSupport
import Testing

@Suite("A certificate that is renewed", .timeLimit(.minutes(2)))
struct CertificateReloadTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func client(_ relay: RelayProcess, _ scheme: String, trusting chain: String) throws -> RelayConnection {
        var configuration = RelayConnectionConfiguration()
        configuration.registers = true
        configuration.socket.tls = try TLSClientContext(.file(chain))
        return try RelayConnection(
            url: RelayURL(relay.urls[scheme] ?? ""), identity: .generate(name: UUID().uuidString),
            configuration: configuration)
    }

    /// Whether somebody who trusts `chain`, and nothing else, can connect.
    private func connects(_ relay: RelayProcess, _ scheme: String, trusting chain: String) async throws -> Bool {
        let client = try client(relay, scheme, trusting: chain)
        do {
            try await client.connect()
            await client.close()
            return true
        } catch {
            await client.close()
            return false
        }
    }

    @Test(
        "N-16: after SIGHUP new connections get the new certificate, old ones live on, and one that cannot be used changes nothing",
        arguments: ["wss", "tls"])
    func reload(scheme: String) async throws {
        let (used, renewed, other) = try await onThread { [directory] in
            (
                try directory.makeCertificate(named: "used"), try directory.makeCertificate(named: "renewed"),
                try directory.makeCertificate(named: "other")
            )
        }
        let first = directory.path + "/first.pem"
        try FileManager.default.copyItem(atPath: used.chain, toPath: first)
        func replace(_ file: String, with new: String) throws {
            try FileManager.default.removeItem(atPath: file)
            try FileManager.default.copyItem(atPath: new, toPath: file)
        }
        let relay = try await RelayProcess.started(
            in: directory, schemes: [scheme], certificate: used, arguments: ["--loops", "2"])
        let old = try client(relay, scheme, trusting: first)
        try await old.connect()
        #expect(try await !connects(relay, scheme, trusting: renewed.chain))

        try replace(used.chain, with: renewed.chain)
        try replace(used.key, with: renewed.key)
        relay.process.send(signal: SIGHUP)
        try await onThread { for loop in 0..<2 { try relay.process.waitForError("is read again loop=\(loop)") } }
        // More than once: any loop may take a connection.
        for _ in 0..<4 {
            #expect(try await connects(relay, scheme, trusting: renewed.chain))
            #expect(try await !connects(relay, scheme, trusting: first))
        }
        _ = try await old.ping()

        // A key of another certificate.
        try replace(used.key, with: other.key)
        relay.process.send(signal: SIGHUP)
        try await onThread { try relay.process.waitForError("the one before stays") }
        for _ in 0..<4 { #expect(try await connects(relay, scheme, trusting: renewed.chain)) }
        _ = try await old.ping()
        await old.close()
        #expect(try await relay.ended() == 0)
    }

    @Test("SIGHUP changes nothing where there is no certificate")
    func withoutCertificate() async throws {
        let relay = try await RelayProcess.started(in: directory)
        relay.process.send(signal: SIGHUP)
        try await onThread { try relay.process.waitForError("is read again") }
        #expect(try await relay.ended() == 0)
    }
}
