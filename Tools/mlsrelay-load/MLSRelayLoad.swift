import ArgumentParser

@main
struct MLSRelayLoad: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mlsrelay-load", abstract: "Load a relay, and check everything that it delivers.",
        discussion: """
            Every run prints one line of JSON and ends by itself, or at SIGINT. Each message is an MLS \
            PrivateMessage that no other is; every subscriber compares every delivery byte for byte with what was \
            published, and looks for sequence numbers that are missing, doubled or out of order. The exit status is \
            1 if anything was lost, duplicated, out of order or corrupted, or went wrong.

            Rates are of seconds in which all was under way; latencies are in microseconds, by HdrHistogram. \
            "generator_saturated" says that this program, which works on one thread, had no time left while the \
            relay had: the figures are then its own and not the relay's. Give --pid to have it tell the two apart.

            It loads relays at addresses of 127.0.0.0/8 and ::1 alone, unless --allow-remote is given. To \
            127.0.0.0/8 it connects from 127.0.0.1 to 127.0.0.32, so that ports do not run out.
            """,
        subcommands: [S1.self, S2.self, S3.self, S4.self, S5.self, S6.self])
}
