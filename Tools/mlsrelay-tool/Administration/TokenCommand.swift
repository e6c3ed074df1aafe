import ArgumentParser
import RelayWire
import TLSPresentation

struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Make, list and revoke tokens that admit new users.",
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token, and print it: the relay keeps no more than its hash.")

        @OptionGroup var administration: AdministrationOptions
        @OptionGroup var output: OutputOptions

        @Option(help: "How many users it admits.")
        var uses: UInt32 = 1

        @Option(help: "How long it holds, in hours; 0 for ever.")
        var hours: UInt64 = 7 * 24

        @Option(help: "What it is for; at most 255 bytes.")
        var note = ""

        func validate() throws {
            if uses < 1 { throw ValidationError("--uses is at least 1.") }
            if hours > 1_000_000 { throw ValidationError("--hours is at most 1000000.") }
            if note.utf8.count > WireLimits.maxNoteByteCount { throw ValidationError("--note is too long.") }
        }

        func run() async throws {
            let notAfter = hours == 0 ? 0 : currentTime.rawValue + hours * 3_600_000
            let answer = try await administration.perform(
                .createToken(uses: uses, notAfter: Timestamp(rawValue: notAfter), note: Array(note.utf8)))
            guard let token = answer.tokens.first else { throw ToolError("the relay made no token") }
            if output.json {
                print(JSON.object([JSON.Member(name: "token", value: .hex(answer.token))] + token.members))
            } else {
                print(answer.token.hex)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the tokens that still admit somebody.")

        @OptionGroup var administration: AdministrationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let answer = try await administration.perform(.listTokens)
            var listing = Listing(
                [.number("TOKEN"), .number("USES"), .text("UNTIL"), .long("NOTE")], json: output.json)
            listing.print(answer.tokens) { token in
                [
                    "\(token.token)", "\(token.uses)", token.notAfter.rawValue == 0 ? "ever" : token.notAfter.text,
                    readableText(token.note) ?? "",
                ]
            } json: {
                .object($0.members)
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a token admit nobody any more.")

        @OptionGroup var administration: AdministrationOptions

        @Argument(help: "Its number, as list shows it.")
        var token: UInt64

        func run() async throws {
            _ = try await administration.perform(.revokeToken(TokenNumber(rawValue: token)))
        }
    }
}

extension TokenDescription {
    fileprivate var members: [JSON.Member] {
        [
            JSON.Member(name: "number", value: .number(token.rawValue)),
            JSON.Member(name: "uses", value: .number(UInt64(uses))),
            JSON.Member(name: "not_after", value: .number(notAfter.rawValue)),
            JSON.Member(name: "note", value: .text(note)),
        ]
    }
}
