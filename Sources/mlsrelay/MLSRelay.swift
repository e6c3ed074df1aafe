import ArgumentParser
import RelayServer
import RelayStore
import RelayWire

@main
struct MLSRelay: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mlsrelay",
        abstract: "A Delivery Service for Messaging Layer Security (RFC 9420, RFC 9750).",
        discussion: """
            Clients publish MLSMessages to logs, one for each group, and follow them, over WebSocket or TCP, with TLS or \
            without. What is acknowledged is on disk, and comes to every subscriber once and in one order.
            """,
        version: "mlsrelay \(RelayServer.version) (protocol version 1, store format \(Store.format))",
        subcommands: [Serve.self])
}
