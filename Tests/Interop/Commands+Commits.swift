import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation

/// Committing, and receiving what moves the group.
extension Interpreter {
    static let commitCommands = [
        Command(
            "commit [path] [now] [add=KP] [remove=LEAF] [psk=ID] [respsk=EPOCH] [gce=TYPE:HEX,...]"
                + " [reinit=GROUPID:SUITE]"
        ) { interpreter, arguments in
            try commit(interpreter.client, &arguments)
        },
        Command("merge") { interpreter, arguments in
            let client = try interpreter.client
            try arguments.end()
            guard try client.membership.group.mergePendingCommit() != nil else {
                throw InteropError("no commit is pending")
            }
            return try state(of: client)
        },
        Command("discard") { interpreter, arguments in
            let client = try interpreter.client
            try arguments.end()
            guard try client.membership.group.hasPendingCommit else { throw InteropError("no commit is pending") }
            try client.membership.group.discardPendingCommit()
            return []
        },
        Command("process MLSMESSAGE") { interpreter, arguments in
            let client = try interpreter.client
            let message = try arguments.bytes("MLSMESSAGE")
            try arguments.end()
            return try process(message, client)
        },
    ]

    private static func commit(_ client: Client, _ arguments: inout Arguments) throws -> Fields {
        let membership = try client.membership
        var options = CommitOptions()
        options.forcesPath = false
        options.authenticatedData = client.settings.authenticatedData
        options.hasTreeInWelcome = client.settings.hasTreeInline
        options.makesGroupInfo = true
        options.hasTreeInGroupInfo = client.settings.hasTreeInline
        var isMergedNow = false
        for (name, value) in arguments.options() {
            switch (name, value) {
            case ("path", nil):
                options.forcesPath = true
                options.leafExtensions = client.settings.leafExtensions
            case ("now", nil): isMergedNow = true
            case (_, .some(let value)): options.proposals.append(try proposal(name, value, membership))
            default: throw InteropError("a commit has no \(name.prefix(40))")
            }
        }
        let messages = try membership.group.commit(options, psks: client.psks(for: membership))
        guard let made = membership.group.pendingPublicCommit else { throw InteropError("the commit is not pending") }
        let authenticator = membership.group.pendingEpochAuthenticator
        if isMergedNow { membership.group.mergePendingCommit() }
        var fields: Fields = [("commit", .hex(messages.commit))]
        if let welcome = messages.welcome { fields.append(("welcome", .hex(welcome))) }
        fields.append(("group_info", .hex(messages.groupInfo)))
        fields.append(("epoch", .number(made.group.groupContext.epoch)))
        if let tree = messages.ratchetTree { fields.append(("ratchet_tree", .hex(tree.encoded))) }
        if made.reInit != nil { fields += [("reinit", .bool(true)), ("epoch_authenticator", .hex(authenticator))] }
        return fields
    }

    /// A proposal by value, NAME=VALUE.
    private static func proposal(
        _ name: Substring, _ value: Substring, _ membership: Membership
    ) throws -> Proposal {
        switch name {
        case "add": return .add(Add(keyPackage: try Arguments.keyPackage(value)))
        case "remove": return .remove(Remove(removed: LeafIndex(try Arguments.number(value, "remove"))))
        case "psk":
            return membership.group.preSharedKeyProposal(.external(pskID: try Arguments.bytes(value, "psk")))
        case "respsk":
            let epoch: UInt64 = try Arguments.number(value, "respsk")
            return membership.group.preSharedKeyProposal(
                .resumption(usage: .application, pskGroupID: membership.group.groupID, pskEpoch: epoch))
        case "gce":
            return .groupContextExtensions(GroupContextExtensions(extensions: try Arguments.extensions(value)))
        case "reinit":
            let parts = value.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw InteropError("reinit is GROUPID:SUITE") }
            return .reInit(
                ReInit(
                    groupID: try Arguments.bytes(parts[0], "GROUPID"), version: .mls10,
                    cipherSuite: CipherSuite(rawValue: try Arguments.number(parts[1], "SUITE"))))
        default: throw InteropError("a commit has no \(name.prefix(40))")
        }
    }

    private static func process(_ message: [UInt8], _ client: Client) throws -> Fields {
        let membership = try client.membership
        let processed = try membership.group.process(message, psks: client.psks(for: membership))
        switch consume processed {
        case .application(let message): return [("type", .string("application"))] + fields(of: message)
        case .proposal(let queued):
            return [
                ("type", .string("proposal")), ("sender", JSON(queued.sender)), ("ref", .hex(queued.ref)),
                ("proposal_type", .string("\(queued.proposal.proposalType)")),
            ]
        case .commit(let staged):
            let publicCommit = staged.publicCommit
            let sender =
                publicCommit.isExternal
                ? JSON(Sender.newMemberCommit) : JSON(Sender.member(publicCommit.committer))
            membership.group.merge(staged)
            return [("type", .string("commit")), ("sender", sender)] + (try state(of: client))
        case .pendingCommit:
            let sender = JSON.number(membership.group.ownLeaf)
            membership.group.mergePendingCommit()
            return [("type", .string("commit")), ("sender", sender)] + (try state(of: client))
        }
    }
}
