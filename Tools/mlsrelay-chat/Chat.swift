import ArgumentParser
import Glibc
import RelayClient

/// A chat in a terminal: encrypted groups through a relay.
///
/// Exits with 0; with 1 where it could not begin or go on; with 64 where it was not understood; with 128 and the number of
/// a signal that ended it.
@main
struct Chat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mlsrelay-chat", abstract: "Talk in encrypted groups through a relay.",
        discussion: """
            The first start makes an identity, which a passphrase protects, and registers it. Everything else is typed in \
            the chat; /help lists it. Each option can be in the environment too: --passphrase-file as \
            MLSRELAY_CHAT_PASSPHRASE_FILE.
            """)

    @Option(
        help: ArgumentHelp(
            "Where the relay is: ws, wss, tcp or tls. (default: \(ChatSettings.defaultRelay))", valueName: "url"))
    var relay: String?

    @Option(help: "Who you are: a name that is yours at the relay, or free.")
    var user: String?

    @Option(help: "What you call this device, at the first start; by default as the machine.")
    var device: String?

    @Option(
        help: ArgumentHelp(
            "Where keys and messages are kept; by default mlsrelay-chat/USER in $XDG_DATA_HOME or ~/.local/share.",
            valueName: "directory"))
    var data: String?

    @Option(
        help: ArgumentHelp(
            "The passphrase is the first line of this file. Otherwise it is in MLSRELAY_CHAT_PASSPHRASE, or is asked for.",
            valueName: "file"))
    var passphraseFile: String?

    @Option(help: "A token of the relay's operator, where it lets nobody register without one.")
    var token: String?

    @Option(help: ArgumentHelp("Trust the certificates in this PEM file, and no others.", valueName: "file"))
    var certificateAuthorities: String?

    @Flag(help: "No screen: a line in is a command, a line out is what happened. So it is without a terminal, too.")
    var plain = false

    /// What these arguments say, without the environment.
    static func options(_ arguments: [String]) throws -> ChatSettings { try parse(arguments).options }

    static func help() -> String { helpMessage(columns: 200) }

    /// What the options say, without the environment.
    var options: ChatSettings {
        var settings = ChatSettings()
        (settings.relay, settings.user, settings.device, settings.data) = (relay, user, device, data)
        (settings.passphraseFile, settings.token, settings.isPlain) = (passphraseFile, token, plain)
        settings.certificateAuthorities = certificateAuthorities
        return settings
    }

    func run() async throws {
        // Whoever started this may have it ignored; then nothing would tell that nobody reads any more.
        signal(SIGPIPE, SIG_DFL)
        let settings = ChatSettings(options: options) { name in getenv(name).map { String(cString: $0) } }
        let isTerminal = Terminal.isThere && !settings.isPlain
        do {
            Glibc.exit(try await Self.run(settings, isTerminal: isTerminal))
        } catch let error as StartError {
            Self.fail(error.description)
        } catch let error as RelayClientError {
            Self.fail("\(PeerText.line(error.message)) (\(error.code))")
        }
    }

    private static func run(_ settings: ChatSettings, isTerminal: Bool) async throws -> Int32 {
        let client = try Start.client(settings, isTerminal: isTerminal)
        let session = ChatSession(client: client, isPlain: !isTerminal)
        let admission = settings.token.map { Admission.token($0) } ?? .open
        guard isTerminal else { return await PlainFront.run(session, admission: admission) }
        return try await ScreenFront.run(session, admission: admission)
    }

    private static func fail(_ message: String) -> Never {
        StandardOutput.write(Array("mlsrelay-chat: \(message)\n".utf8), to: STDERR_FILENO)
        Glibc.exit(1)
    }
}
