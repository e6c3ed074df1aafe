import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation

/// Groups that go on from others.
extension Interpreter {
    static let successorCommands = [
        Command("reinit-welcome KP ...") { interpreter, arguments in
            let client = try interpreter.client
            let keyPackages = try arguments.keyPackages()
            let membership = try client.membership
            guard let reInit = membership.group.publicGroup.reInit else { throw InteropError("there is no ReInit") }
            let new = try membership.group.reinitialized(
                keyPackages: keyPackages, identity: client.identity(for: reInit.cipherSuite),
                lifetime: client.lifetime, hasTreeInWelcome: client.settings.hasTreeInline)
            return try enter(new, client)
        },
        Command("reinit-join WELCOME [TREE]") { interpreter, arguments in
            let client = try interpreter.client
            let (message, welcome, tree) = try arguments.welcome()
            let group = try client.membership.group.joinReinitialized(
                message, keyPackages: client.keyPackages, ratchetTree: tree,
                identity: client.identity(for: welcome.cipherSuite))
            client.useUp(welcome)
            client.enter(group)
            return try state(of: client)
        },
        Command("branch GROUPID KP ...") { interpreter, arguments in
            let client = try interpreter.client
            let groupID = try arguments.bytes("GROUPID")
            let keyPackages = try arguments.keyPackages()
            guard !client.groupIDs.contains(groupID) else { throw InteropError("\(client.name) is in that group") }
            let new = try client.membership.group.branched(
                groupID: groupID, keyPackages: keyPackages, lifetime: client.lifetime,
                hasTreeInWelcome: client.settings.hasTreeInline)
            return try enter(new, client)
        },
        Command("branch-join WELCOME [TREE]") { interpreter, arguments in
            let client = try interpreter.client
            let (message, welcome, tree) = try arguments.welcome()
            let group = try client.membership.group.joinBranch(
                message, keyPackages: client.keyPackages, ratchetTree: tree)
            client.useUp(welcome)
            client.enter(group)
            return try state(of: client)
        },
    ]

    private static func enter(_ new: consuming NewGroup, _ client: Client) throws -> Fields {
        let messages = new.messages
        client.enter(new.group)
        var fields = try state(of: client)
        if let welcome = messages.welcome { fields.append(("welcome", .hex(welcome))) }
        if let tree = messages.ratchetTree { fields.append(("ratchet_tree", .hex(tree.encoded))) }
        return fields
    }
}
