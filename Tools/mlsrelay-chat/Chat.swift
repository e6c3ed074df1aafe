import ArgumentParser
import RelayClient

@main
struct Chat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mlsrelay-chat", abstract: "Talks in encrypted groups through a relay.")

    func run() async throws {}
}
