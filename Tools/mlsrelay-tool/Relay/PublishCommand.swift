import ArgumentParser
import MLSCodec
import MLSCrypto
import RelayConnection
import RelayWire
import TLSPresentation

struct PublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish", abstract: "Publish MLSMessages, all of them or none.",
        discussion: "Publishing the same messages again gives the same receipts and changes nothing.")

    @OptionGroup var relay: RelayOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var arguments: MessageArguments

    @Flag(help: "First create the group that the messages are of, in the epoch of the first of them.")
    var create = false

    func run() async throws {
        let messages = try arguments.messages()
        let receipts = try await relay.withClient(as: relay.loadIdentity()) { client in
            if create {
                guard let (groupID, epoch) = Self.group(of: messages) else {
                    throw ToolError("none of the messages names a group to create")
                }
                _ = try await client.createGroup(groupID, epoch: epoch)
            }
            return try await client.publish(messages)
        }
        Self.show(receipts, json: output.json)
    }

    /// The group and epoch of the first message that names a group.
    private static func group(of messages: [[UInt8]]) -> ([UInt8], Epoch)? {
        for message in messages {
            // All were looked at before.
            guard let envelope = try? MLSMessageEnvelope(message.rawSpan), let groupID = envelope.groupID,
                let epoch = envelope.epoch
            else { continue }
            return (Array(message[groupID]), Epoch(rawValue: epoch))
        }
        return nil
    }

    static func show(_ receipts: [Receipt], json: Bool) {
        if json {
            for receipt in receipts {
                let json: JSON = [
                    "message": .number(UInt64(receipt.message)), "log": .number(receipt.log.rawValue),
                    "seq": .number(receipt.sequenceNumber.rawValue), "time": .number(receipt.time.rawValue),
                    "chain": .hex(receipt.chain.bytes),
                ]
                print(json)
            }
            return
        }
        var table = Table([
            .init(title: "MESSAGE", alignment: .right), .init(title: "LOG", alignment: .right),
            .init(title: "ENTRY", alignment: .right), .init(title: "TIME"), .init(title: "CHAIN", isCut: true),
        ])
        let rows = receipts.map { ["\($0.message)", "\($0.log)", "\($0.sequenceNumber)", $0.time.text, "\($0.chain)"] }
        for line in table.lines(rows) { print(line) }
    }
}
