public import MLSCrypto
public import RelayWire

/// Commands of one turn of a service loop, with the bytes of what they publish.
///
/// One buffer and three arrays whatever the number of commands: nothing is allocated per message.
public struct CommandBatch: Sendable {
    /// The messages of all commands, behind each other.
    public var bytes: [UInt8] = []
    public var messages: [MessageToPublish] = []
    public var commands: [Command] = []
    /// What the loop has written to its connections.
    public var deliveries: [Delivery] = []

    public init() {}

    public var isEmpty: Bool { commands.isEmpty && deliveries.isEmpty }
}

/// One request that changes the relay's state.
public struct Command: Sendable {
    /// What the answer is for: the connection, as its service loop knows it.
    public var connection: ConnectionID
    public var requestID: RequestID
    /// Who asks; `.relay` where nobody is authenticated yet.
    public var client: ClientNumber
    public var action: Action

    public enum Action: Hashable, Sendable {
        case register(Registration)
        /// An untracked one.
        case createGroup(groupID: [UInt8], epoch: Epoch)
        /// With these of the batch's `messages`.
        case createTrackedGroup(NewGroup, Range<Int>)
        /// These of the batch's `messages`, all or none.
        case publish(Range<Int>)
        /// These of the batch's `messages`, a commit among them whose change of roster is declared.
        case publishCommit(Range<Int>, DeclaredRoster)
        case group(GroupAction)
        case delivery(DeliveryAction)
        case identity(IdentityAction)
        /// With random bytes for a token.
        case administer(Administer.Action, token: [UInt8])
        case acknowledge([Position])
        case fetchKeyPackages([KeyPackageRequest])
        case invitation(InvitationAction)
    }

    /// The batch's messages that it carries.
    public var messages: Range<Int>? {
        switch action {
        case .publish(let messages), .publishCommit(let messages, _), .createTrackedGroup(_, let messages): messages
        default: nil
        }
    }

    public init(connection: ConnectionID, requestID: RequestID, client: ClientNumber, action: Action) {
        self.connection = connection
        self.requestID = requestID
        self.client = client
        self.action = action
    }
}

/// A connection, unique in a process: which service loop it belongs to, and its number there.
public struct ConnectionID: Hashable, Sendable {
    public var loop: UInt32
    public var slot: UInt32
    /// Tells connections apart that had the same slot one after the other.
    public var generation: UInt32

    public init(loop: UInt32, slot: UInt32, generation: UInt32) {
        self.loop = loop
        self.slot = slot
        self.generation = generation
    }
}

/// An MLSMessage that was parsed as far as its route.
public struct MessageToPublish: Sendable {
    /// Where the MLSMessage stands in the batch's `bytes`.
    public var range: Range<Int>
    /// SHA-256 of the MLSMessage.
    public var hash: SHA256Digest
    public var route: Route

    /// Where a message goes, read from the message itself.
    public enum Route: Sendable {
        /// PublicMessage or PrivateMessage; `groupID` stands in the batch's `bytes`.
        case group(groupID: Range<Int>, epoch: Epoch, isCommit: Bool)
        case welcome(references: [[UInt8]])
        case groupInfo(groupID: Range<Int>, epoch: Epoch)
        case keyPackage(PublishedKeyPackage)
    }

    public init(range: Range<Int>, hash: SHA256Digest, route: Route) {
        self.range = range
        self.hash = hash
        self.route = route
    }
}

/// What became of a command.
public enum Outcome: Hashable, Sendable {
    case registered(ClientNumber)
    case groupCreated(LogNumber)
    /// These of the receipts that `Relay.apply` appended to.
    case published(receipts: Range<Int>)
    case acknowledged
    case keyPackages([KeyPackageResult])
    case answered(EncodedFrame)
    case refused(RelayError)
}
