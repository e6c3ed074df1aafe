import MLSCrypto
public import RelayCore
public import RelayWire
import TLSPresentation

/// A command with its own messages, for tests to write down.
public struct TestCommand: Hashable, Sendable {
    public enum Action: Hashable, Sendable {
        case register(Identity)
        case createGroup([UInt8], Epoch)
        case publish([TestMessage])
        case acknowledge([Position])
        case fetchKeyPackages([KeyPackageRequest])
        case createTrackedGroup(NewGroup, [TestMessage])
        case publishCommit([TestMessage], DeclaredRoster)
        /// One without messages.
        case other(Command.Action)
    }

    public var action: Action
    public var client: ClientNumber

    public init(_ action: Action, by client: ClientNumber = .relay) {
        self.action = action
        self.client = client
    }
}

extension CommandBatch {
    /// Adds a command and the messages that it publishes.
    public mutating func add(_ command: TestCommand) {
        let action: Command.Action
        switch command.action {
        case .register(let identity): action = .register(Registration(identity))
        case .createGroup(let groupID, let epoch): action = .createGroup(groupID: groupID, epoch: epoch)
        case .acknowledge(let positions): action = .acknowledge(positions)
        case .fetchKeyPackages(let requests): action = .fetchKeyPackages(requests)
        case .publish(let published): action = .publish(append(published))
        case .createTrackedGroup(let group, let published): action = .createTrackedGroup(group, append(published))
        case .publishCommit(let published, let roster): action = .publishCommit(append(published), roster)
        case .other(let other): action = other
        }
        commands.append(
            Command(
                connection: ConnectionID(loop: 0, slot: 0, generation: 0),
                requestID: RequestID(rawValue: UInt32(commands.count) + 1), client: command.client, action: action))
    }

    private mutating func append(_ published: [TestMessage]) -> Range<Int> {
        let first = messages.count
        for message in published {
            let range = bytes.count..<bytes.count + message.bytes.count
            messages.append(
                MessageToPublish(
                    range: range, hash: SHA256.hash(message.bytes), route: message.route(at: range.lowerBound)))
            bytes += message.bytes
        }
        return first..<messages.count
    }
}
