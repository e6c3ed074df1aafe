import ArgumentParser
import MLSCodec
import RelayConnection
import RelayWire
import TLSPresentation

struct PublishKeyPackageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish-keypackage", abstract: "Publish KeyPackages, and say how many are left.")

    @OptionGroup var relay: RelayOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var arguments: MessageArguments

    func run() async throws {
        let messages = try arguments.messages()
        for (index, message) in messages.enumerated() {
            // All were looked at before.
            if (try? MLSMessageEnvelope(message.rawSpan))?.wireFormat != .mlsKeyPackage {
                throw ToolError("message \(index + 1) is no KeyPackage")
            }
        }
        let (receipts, counts) = try await relay.withClient(as: relay.loadIdentity()) { client in
            (try await client.publish(messages), try await client.countKeyPackages())
        }
        PublishCommand.show(receipts, json: output.json)
        for count in counts {
            if output.json {
                let json: JSON = [
                    "cipher_suite": .number(UInt64(count.cipherSuite.rawValue)),
                    "cipher_suite_name": .string("\(count.cipherSuite)"), "count": .number(UInt64(count.count)),
                    "last_resort": .bool(count.hasLastResort),
                ]
                print(json)
            } else {
                print("\(count.cipherSuite): \(count.count) left\(count.hasLastResort ? ", and a last resort" : "")")
            }
        }
    }
}
