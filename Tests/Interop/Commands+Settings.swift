import MLS
import MLSCodec
import TLSPresentation

/// Which group is meant.
extension Interpreter {
    static let groupCommands = [
        Command("groups") { interpreter, arguments in
            try arguments.end()
            return [("groups", .array(try interpreter.client.memberships.map { .hex($0.group.groupID) }))]
        },
        Command("use-group GROUPID") { interpreter, arguments in
            let client = try interpreter.client
            let groupID = try arguments.bytes("GROUPID")
            try arguments.end()
            try client.useGroup(groupID)
            return []
        },
        Command("leave-group") { interpreter, arguments in
            try arguments.end()
            try interpreter.client.leave()
            return []
        },
    ]
}

/// What one client does differently.
extension Interpreter {
    static let settingCommands = [
        Command(
            "set handshake public|private", "set tree inline|external", "set padding N", "set aad HEX",
            "set past-epochs N", "set lifetime SECONDS", "set keep-key-packages 0|1", "set caps-extensions LIST",
            "set caps-proposals LIST", "set leaf-extensions TYPE=HEX ...", "set key-package-extensions TYPE=HEX ..."
        ) { interpreter, arguments in
            let client = try interpreter.client
            var settings = client.settings
            try settings.set(arguments.word("a setting"), &arguments)
            try arguments.end()
            client.settings = settings
            return []
        }
    ]
}

extension ClientSettings {
    /// More hides nothing that is worth its bytes.
    private static let maxPaddingByteCount = 1 << 20
    /// Each epoch keeps its keys.
    private static let maxPastEpochCount = 1 << 16

    fileprivate mutating func set(_ name: Substring, _ arguments: inout Arguments) throws(InteropError) {
        switch name {
        case "handshake": sendsPublicMessages = try arguments.choice("public", "private")
        case "tree": hasTreeInline = try arguments.isInline()
        case "padding": paddingByteCount = try arguments.count(atMost: Self.maxPaddingByteCount)
        case "aad": authenticatedData = try arguments.bytes("HEX")
        case "past-epochs": maxPastEpochCount = try arguments.count(atMost: Self.maxPastEpochCount)
        case "lifetime": lifetimeSeconds = try arguments.number("SECONDS")
        case "keep-key-packages": keepsKeyPackages = try arguments.flag()
        case "caps-extensions":
            let types = try Arguments.numbers(arguments.word("LIST"))
            extensionTypes = Set(types.map { ExtensionType(rawValue: $0) })
        case "caps-proposals":
            let types = try Arguments.numbers(arguments.word("LIST"))
            proposalTypes = Set(types.map { ProposalType(rawValue: $0) })
        case "leaf-extensions": leafExtensions = try arguments.extensions()
        case "key-package-extensions": keyPackageExtensions = try arguments.extensions()
        default: throw InteropError("there is no setting \(name.prefix(40))")
        }
    }
}

extension Arguments {
    /// Whether the next word is the first of two.
    fileprivate mutating func choice(_ first: String, _ second: String) throws(InteropError) -> Bool {
        let word = try word("\(first) or \(second)")
        guard word == first || word == second else { throw InteropError("neither \(first) nor \(second)") }
        return word == first
    }

    /// `inline` or `external`.
    mutating func isInline() throws(InteropError) -> Bool { try choice("inline", "external") }

    fileprivate mutating func count(atMost maximum: Int) throws(InteropError) -> Int {
        let count: Int = try number("N")
        guard (0...maximum).contains(count) else { throw InteropError("N is at most \(maximum)") }
        return count
    }
}
