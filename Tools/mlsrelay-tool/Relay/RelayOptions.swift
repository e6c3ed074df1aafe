import ArgumentParser
import ClientTransport
import Glibc
import RelayConnection

/// What every command on a running relay has.
struct RelayOptions: ParsableArguments {
    @Option(help: "Where the relay is: ws, wss, tcp or tls.")
    var url = "ws://127.0.0.1:7680"

    @Option(help: ArgumentHelp("The file with the identity; register makes one.", valueName: "file"))
    var identity: String

    @Option(help: ArgumentHelp("Trust the certificates in this PEM file, and no others.", valueName: "file"))
    var trust: String?

    @Option(help: ArgumentHelp("How long the relay may take to answer.", valueName: "seconds"))
    var timeout = 30

    func validate() throws {
        if timeout < 1 { throw ValidationError("--timeout is at least 1.") }
    }

    func loadIdentity() throws -> ConnectionIdentity {
        do throws(ConnectionIdentityError) {
            return try ConnectionIdentity.load(from: identity)
        } catch .system(_, ENOENT) {
            throw ToolError("there is no identity in \(identity): mlsrelay-tool register makes one")
        } catch .system(let call, let code) {
            throw ToolError("\(identity): \(call): \(String(cString: strerror(code)))")
        } catch {
            throw ToolError("\(identity): \(error)")
        }
    }

    /// Calls `body` with a client that the relay knows.
    func withClient<Result>(
        as identity: ConnectionIdentity, registration: Registration? = nil,
        _ body: (RelayConnection) async throws -> Result
    ) async throws -> Result {
        let client: RelayConnection
        do {
            var configuration = RelayConnectionConfiguration()
            configuration.registration = registration
            configuration.requestTimeout = .seconds(timeout)
            configuration.socket.timeout = .seconds(timeout)
            if let trust { configuration.socket.tls = try TLSClientContext(.file(trust)) }
            client = try RelayConnection(url: RelayURL(url), identity: identity, configuration: configuration)
        } catch let error as RelayURL.ParsingError {
            throw ToolError("\(url) is no URL of a relay: \(error)")
        }
        do {
            try await client.connect()
            let result = try await body(client)
            await client.close()
            return result
        } catch {
            await client.close()
            throw error
        }
    }
}
