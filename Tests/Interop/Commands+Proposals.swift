import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation

/// Proposing by reference.
extension Interpreter {
    static let proposalCommands = [
        Command("add KP ...") { interpreter, arguments in
            let client = try interpreter.client
            let keyPackages = try arguments.keyPackages()
            guard !keyPackages.isEmpty else { throw InteropError("KP is missing") }
            let proposals = try keyPackages.map { try propose(.add(Add(keyPackage: $0)), client) }
            return [("proposals", .array(proposals.map { .hex($0) }))]
        },
        Command("remove LEAF") { interpreter, arguments in
            let leaf = try arguments.leaf()
            try arguments.end()
            return try proposed(.remove(Remove(removed: leaf)), interpreter.client)
        },
        Command("update") { interpreter, arguments in
            let client = try interpreter.client
            try arguments.end()
            let message = try client.membership.group.proposeUpdate(
                leafExtensions: client.settings.leafExtensions, authenticatedData: client.settings.authenticatedData
            ).message
            return [("proposal", .hex(message))]
        },
        Command("psk-propose ID") { interpreter, arguments in
            let client = try interpreter.client
            let id = try arguments.bytes("ID")
            try arguments.end()
            return try proposed(client.membership.group.preSharedKeyProposal(.external(pskID: id)), client)
        },
        Command("resumption-psk-propose EPOCH [GROUPID]") { interpreter, arguments in
            let client = try interpreter.client
            let membership = try client.membership
            let epoch: UInt64 = try arguments.number("EPOCH")
            let groupID = try arguments.optionalBytes("GROUPID") ?? membership.group.groupID
            try arguments.end()
            let key = PreSharedKeyID.Key.resumption(usage: .application, pskGroupID: groupID, pskEpoch: epoch)
            return try proposed(membership.group.preSharedKeyProposal(key), client)
        },
        Command("gce-propose [TYPE=HEX ...]") { interpreter, arguments in
            let extensions = try arguments.extensions()
            return try proposed(
                .groupContextExtensions(GroupContextExtensions(extensions: extensions)), interpreter.client)
        },
        Command("reinit-propose GROUPID SUITE [TYPE=HEX ...]") { interpreter, arguments in
            let groupID = try arguments.bytes("GROUPID")
            let suite = try arguments.suite()
            let extensions = try arguments.extensions()
            let reInit = ReInit(groupID: groupID, version: .mls10, cipherSuite: suite, extensions: extensions)
            return try proposed(.reInit(reInit), interpreter.client)
        },
        Command("proposals") { interpreter, arguments in
            try arguments.end()
            let pending = try interpreter.client.membership.group.publicGroup.pendingProposals
            let proposals = pending.map { queued in
                JSON.object([
                    ("type", .string("\(queued.proposal.proposalType)")), ("sender", JSON(queued.sender)),
                    ("ref", .hex(queued.ref)),
                ])
            }
            return [("proposals", .array(proposals))]
        },
        Command("clear-proposals") { interpreter, arguments in
            try arguments.end()
            try interpreter.client.membership.group.discardPendingProposals()
            return []
        },
    ]

    private static func propose(_ proposal: Proposal, _ client: Client) throws -> [UInt8] {
        try client.membership.group.propose(proposal, authenticatedData: client.settings.authenticatedData).message
    }

    private static func proposed(_ proposal: Proposal, _ client: Client) throws -> Fields {
        [("proposal", .hex(try propose(proposal, client)))]
    }
}

extension JSON {
    /// A member's leaf; of others what they are.
    init(_ sender: Sender) {
        if case .member(let leaf) = sender { self = .number(leaf) } else { self = .string("\(sender.senderType)") }
    }
}
