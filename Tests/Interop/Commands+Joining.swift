import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation

/// Getting into groups.
extension Interpreter {
    static let joiningCommands = [
        Command("create-group GROUPID [TYPE=HEX ...]") { interpreter, arguments in
            let client = try interpreter.client
            let groupID = try arguments.bytes("GROUPID")
            let extensions = try arguments.extensions()
            guard !client.groupIDs.contains(groupID) else { throw InteropError("\(client.name) is in that group") }
            let group = try Group(
                creating: groupID, suite: client.suite, extensions: extensions,
                identity: client.identity(for: client.suite), lifetime: client.lifetime,
                leafExtensions: client.settings.leafExtensions ?? [], configuration: client.configuration)
            client.enter(group)
            return try state(of: client)
        },
        Command("join WELCOME [RATCHET_TREE]") { interpreter, arguments in
            let client = try interpreter.client
            let (message, welcome, tree) = try arguments.welcome()
            let group = try Group(
                joining: message, keyPackages: client.keyPackages, ratchetTree: tree,
                identity: client.identity(for: welcome.cipherSuite), psks: client.psks(),
                knownGroupIDs: client.groupIDs, configuration: client.configuration)
            client.useUp(welcome)
            client.enter(group)
            return try state(of: client)
        },
        Command("external-join GROUPINFO [tree=HEX] [remove=LEAF|self] [psk=ID ...]") { interpreter, arguments in
            try externalJoin(interpreter.client, &arguments)
        },
        Command("new-member-propose GROUPID EPOCH [SUITE]") { interpreter, arguments in
            let client = try interpreter.client
            let groupID = try arguments.bytes("GROUPID")
            let epoch: UInt64 = try arguments.number("EPOCH")
            let suite = try arguments.optionalSuite() ?? client.suite
            try arguments.end()
            let keyPackage = try client.makeKeyPackage(suite).keyPackage
            let proposal = try Group.newMemberProposal(
                keyPackage, groupID: groupID, epoch: epoch, signingKey: client.identity(for: suite).signingKey,
                authenticatedData: client.settings.authenticatedData)
            return [("proposal", .hex(proposal))]
        },
    ]

    private static func externalJoin(_ client: Client, _ arguments: inout Arguments) throws -> Fields {
        let message = try arguments.bytes("GROUPINFO")
        guard case .groupInfo(let groupInfo) = try MLSMessage(decoding: message) else {
            throw InteropError("GROUPINFO is not a GroupInfo")
        }
        let identity = try client.identity(for: groupInfo.groupContext.cipherSuite)
        var tree: RatchetTree?
        var removed: Substring?
        var options = ExternalCommitOptions()
        options.authenticatedData = client.settings.authenticatedData
        options.leafExtensions = client.settings.leafExtensions ?? []
        for (name, value) in arguments.options() {
            switch (name, value) {
            case ("tree", .some(let value)): tree = try RatchetTree(decoding: Arguments.bytes(value, "tree"))
            case ("remove", .some(let value)): removed = value
            case ("psk", .some(let value)): options.psks.append(.external(pskID: try Arguments.bytes(value, "psk")))
            default: throw InteropError("an external join has no \(name.prefix(40))")
            }
        }
        if removed == "self" {
            let nodes = try tree ?? groupInfo.extensions.first(RatchetTree.self)
            options.replacedLeaf = try nodes?.leaf(of: identity)
        } else if let removed {
            options.replacedLeaf = LeafIndex(try Arguments.number(removed, "remove"))
        }
        let new = try Group.joinExternally(
            message, ratchetTree: tree, identity: identity, options: options, psks: client.psks(),
            configuration: client.configuration)
        let commit = new.messages.commit
        client.forget { $0.group.groupID == groupInfo.groupContext.groupID }
        client.enter(new.group)
        return try state(of: client) + [("commit", .hex(commit))] + groupInfoFields(of: client)
    }
}

extension RatchetTree {
    /// The leaf of the client with that identity.
    fileprivate func leaf(of identity: ClientIdentity) throws(InteropError) -> LeafIndex {
        let position = nodes.firstIndex { node in
            if case .leaf(let leafNode) = node { leafNode.credential == identity.credential } else { false }
        }
        guard let position else { throw InteropError("no leaf of that client's to remove") }
        return LeafIndex(UInt32(position / 2))
    }
}

extension Arguments {
    /// WELCOME and the tree that may follow, and nothing else.
    mutating func welcome() throws -> (message: [UInt8], welcome: Welcome, tree: RatchetTree?) {
        let message = try bytes("WELCOME")
        guard case .welcome(let welcome) = try MLSMessage(decoding: message) else {
            throw InteropError("WELCOME is not a Welcome")
        }
        let tree = try optionalBytes("RATCHET_TREE")
        try end()
        return (message, welcome, try tree.map { try RatchetTree(decoding: $0) })
    }
}
