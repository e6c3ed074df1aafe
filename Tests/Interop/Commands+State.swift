import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation

/// Looking at a group.
extension Interpreter {
    static let stateCommands = [
        Command("state") { interpreter, arguments in
            try arguments.end()
            return try state(of: interpreter.client)
        },
        one("epoch") { .number($0.epoch) },
        oneSecret("epoch-authenticator") { .hex($0.epochAuthenticator) },
        one("tree-hash") { .hex($0.groupContext.treeHash) },
        one("members") { members(of: $0) },
        one("tree", field: "ratchet_tree") { .hex($0.publicGroup.ratchetTree.encoded) },
        one("group-context") { .hex($0.groupContext.encoded) },
        Command("group-info [inline|external]") { interpreter, arguments in
            let client = try interpreter.client
            var hasTree = client.settings.hasTreeInline
            if !arguments.isEmpty { hasTree = try arguments.isInline() }
            try arguments.end()
            return try groupInfoFields(of: client, hasTree: hasTree)
        },
        oneSecret("resumption-psk") { group in
            guard let psk = group.resumptionPSK(epoch: group.epoch) else { return .null }
            return .hex([UInt8](psk.bytes))
        },
        Command("secrets") { interpreter, arguments in
            try arguments.end()
            let membership = try memberOf(interpreter.client)
            return membership.group.namedSecrets.map { ($0.name, .hex($0.bytes)) }
        },
        Command("export LABEL CONTEXT LEN") { interpreter, arguments in
            let membership = try memberOf(interpreter.client)
            let label = String(try arguments.word("LABEL"))
            let context = try arguments.bytes("CONTEXT")
            let byteCount: Int = try arguments.number("LEN")
            try arguments.end()
            // As much as HKDF gives.
            let longest = try min(255 * membership.group.suite.hashAlgorithm.byteCount, Int(UInt16.max))
            guard (0...longest).contains(byteCount) else { throw InteropError("LEN is at most \(longest)") }
            let secret = membership.group.export(label: label, context: context, byteCount: byteCount)
            return [("secret", .hex([UInt8](secret.bytes)))]
        },
    ]

    /// The state of the client's current group.
    static func state(of client: Client) throws -> Fields {
        let membership = try client.membership
        let (isRemoved, context) = (membership.group.isRemoved, membership.group.groupContext)
        return [
            ("group_id", .hex(context.groupID)), ("epoch", .number(context.epoch)),
            ("leaf", .number(membership.group.ownLeaf)), ("suite", .number(UInt64(context.cipherSuite.rawValue))),
            ("tree_hash", .hex(context.treeHash)),
            ("epoch_authenticator", isRemoved ? .null : .hex(membership.group.epochAuthenticator)),
            ("members", members(of: membership.group)), ("removed", .bool(isRemoved)),
            ("reinit", .bool(membership.group.publicGroup.reInit != nil)),
            ("pending_commit", .bool(membership.group.hasPendingCommit)),
        ]
    }

    /// The GroupInfo of the client's current group, and where it does not have the tree, that.
    static func groupInfoFields(of client: Client, hasTree: Bool? = nil) throws -> Fields {
        let membership = try client.membership
        let hasTree = hasTree ?? client.settings.hasTreeInline
        let groupInfo = try membership.group.groupInfo(hasTree: hasTree)
        let tree = hasTree ? [] : [("ratchet_tree", JSON.hex(membership.group.publicGroup.ratchetTree.encoded))]
        return [("group_info", .hex(groupInfo))] + tree
    }

    private static func members(of group: borrowing Group) -> JSON {
        .array(
            group.publicGroup.roster.map { member in
                .object([
                    ("leaf", .number(member.leafIndex)), ("name", .string(member.credential.name)),
                    ("signature_key", .hex(member.signatureKey)),
                ])
            })
    }

    /// A command that answers one thing of the state, under its own name with other lines.
    private static func one(
        _ name: String, field: String? = nil, _ value: @escaping @Sendable (borrowing Group) -> JSON
    ) -> Command {
        Command(name) { interpreter, arguments in
            try arguments.end()
            let membership = try interpreter.client.membership
            return [(field ?? fieldName(name), value(membership.group))]
        }
    }

    /// The same of what only members know.
    private static func oneSecret(_ name: String, _ value: @escaping @Sendable (borrowing Group) -> JSON) -> Command {
        Command(name) { interpreter, arguments in
            try arguments.end()
            let membership = try memberOf(interpreter.client)
            return [(fieldName(name), value(membership.group))]
        }
    }

    private static func fieldName(_ name: String) -> String { String(name.map { $0 == "-" ? "_" : $0 }) }

    /// - Throws: where the client was removed from its current group, and has no secrets of it.
    private static func memberOf(_ client: Client) throws(InteropError) -> Membership {
        let membership = try client.membership
        guard !membership.group.isRemoved else { throw InteropError("\(client.name) was removed from the group") }
        return membership
    }
}
