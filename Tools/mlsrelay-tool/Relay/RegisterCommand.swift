import ArgumentParser
import Glibc
import MLSCrypto
import RelayConnection
import RelayWire
import TLSPresentation

struct RegisterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "register", abstract: "Register an identity with a relay.",
        discussion: """
            Makes the identity and its file if there is no such file. Registering again changes nothing; a name that \
            another key has is refused.
            """)

    @OptionGroup var relay: RelayOptions
    @OptionGroup var output: OutputOptions

    @Option(help: ArgumentHelp("What the user calls this device.", valueName: "name"))
    var device = ""

    @Option(
        help: ArgumentHelp("The operator's token, where the relay wants one.", valueName: "hex"),
        transform: { (text: String) throws -> [UInt8] in
            guard let token = [UInt8](hex: text) else { throw ValidationError("a token is hexadecimal") }
            return token
        })
    var token: [UInt8]?

    @Argument(help: "The name of the identity.")
    var name: String

    func run() async throws {
        let (identity, isNew) = try loadOrGenerate()
        guard identity.name == name else { throw ToolError("\(relay.identity) holds the identity of \(identity.name)") }
        let number: ClientNumber?
        do {
            number = try await relay.withClient(as: identity, registration: registration) { await $0.clientNumber }
        } catch let error as RelayConnectionError {
            // The key was never anybody's: the next attempt may make another.
            if isNew, [.identityTaken, .nameInvalid].contains(error.code.relayCode) { unlink(relay.identity) }
            throw error
        }
        if output.json {
            let json: JSON = [
                "name": .string(name), "client": number.map { .number($0.rawValue) } ?? .null,
                "identity": .string(relay.identity), "signature_key": .hex(identity.key.publicKey.bytes),
            ]
            print(json)
        } else {
            print("\(name) is client \(number.map(\.description) ?? "?"); the key is in \(relay.identity)")
        }
    }

    private var registration: Registration {
        let admission = token.map { Admission.token($0) }
        return Registration(clientName: Array(device.utf8), admission: admission ?? .open)
    }

    private func loadOrGenerate() throws -> (ConnectionIdentity, isNew: Bool) {
        if access(relay.identity, F_OK) == 0 { return (try relay.loadIdentity(), false) }
        do {
            let identity = try ConnectionIdentity.generate(name: name)
            // Before the relay knows the key: a name whose key is lost is lost.
            try identity.save(to: relay.identity)
            return (identity, true)
        } catch {
            throw ToolError("\(relay.identity): \(error)")
        }
    }
}
