import ArgumentParser
import Glibc
import Logging
import RelayServer
import RelayTransport

@main
struct MLSRelay: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mlsrelay", abstract: "A Delivery Service for Messaging Layer Security.", subcommands: [Serve.self])
}

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run the relay.")

    @Option(help: "Where to listen.")
    var listen: [String] = ["ws://127.0.0.1:7680", "tcp://127.0.0.1:7681"]

    @Option(help: "The data directory.")
    var data = "mlsrelay-data"

    @Option(help: "Service loops.")
    var loops = 1

    @Option(help: "TLS certificate chain, PEM.")
    var certificate: String?

    @Option(help: "TLS private key, PEM.")
    var key: String?

    func run() throws {
        var transport = TransportConfiguration(listeners: listen.compactMap(ListenAddress.init), loopCount: loops)
        transport.certificatePath = certificate
        transport.privateKeyPath = key
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        let server = try RelayServer(
            ServerConfiguration(transport: transport, dataDirectory: data), logger: Logger(label: "mlsrelay"))
        for address in server.addresses { print("listening on \(address)") }
        fflush(nil)
        var signal: Int32 = 0
        sigwait(&signals, &signal)
        server.shutDown()
    }
}
