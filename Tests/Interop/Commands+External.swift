import MLS
import MLSCodec
import MLSCrypto
import TLSPresentation

/// Pre-shared keys.
extension Interpreter {
    static let pskCommands = [
        Command("psk add ID SECRET", "psk remove ID") { interpreter, arguments in
            let client = try interpreter.client
            let action = try arguments.word("add or remove")
            let id = try arguments.bytes("ID")
            switch action {
            case "add":
                let secret = try arguments.bytes("SECRET")
                try arguments.end()
                client.externalPSKs[id] = secret
            case "remove":
                try arguments.end()
                guard client.externalPSKs.removeValue(forKey: id) != nil else { throw InteropError("no such PSK") }
            default: throw InteropError("neither add nor remove")
            }
            return []
        }
    ]
}

/// Proposing from outside of a group.
extension Interpreter {
    static let externalCommands = [
        Command("external-sender [SUITE]") { interpreter, arguments in
            let client = try interpreter.client
            let suite = try arguments.optionalSuite() ?? client.suite
            try arguments.end()
            let key = try SigningKey.generate(suite.signatureScheme)
            let sender = ExternalSender(
                signatureKey: key.publicKey.bytes, credential: .basic(identity: Array(client.name.utf8)))
            interpreter.externalSenders[key.publicKey.bytes] = key
            return [
                ("key", .hex(key.publicKey.bytes)), ("external_sender", .hex(sender.encoded)),
                ("extension", .hex(ExternalSenders([sender]).encoded)),
            ]
        },
        Command("external-propose KEY SUITE GROUPID EPOCH INDEX add=KP|remove=LEAF|psk=ID|gce=TYPE:HEX") {
            interpreter, arguments in
            let client = try interpreter.client
            guard let key = interpreter.externalSenders[try arguments.bytes("KEY")] else {
                throw InteropError("there is no external sender with that key")
            }
            let suite = try arguments.suite()
            let groupID = try arguments.bytes("GROUPID")
            let epoch: UInt64 = try arguments.number("EPOCH")
            let index: UInt32 = try arguments.number("INDEX")
            let options = arguments.options()
            guard case (let name, let value?)? = options.first, options.count == 1 else {
                throw InteropError("one proposal, NAME=VALUE")
            }
            guard try suite.signatureScheme == key.scheme else { throw InteropError("the key is not one of SUITE") }
            let proposal = try Group.externalProposal(
                externalProposal(name, value, suite), groupID: groupID, epoch: epoch, senderIndex: index,
                signingKey: key, authenticatedData: client.settings.authenticatedData)
            return [("proposal", .hex(proposal))]
        },
    ]

    private static func externalProposal(
        _ name: Substring, _ value: Substring, _ suite: CipherSuite
    ) throws -> Proposal {
        switch name {
        case "add": return .add(Add(keyPackage: try Arguments.keyPackage(value)))
        case "remove": return .remove(Remove(removed: LeafIndex(try Arguments.number(value, "remove"))))
        case "psk":
            let nonce = randomBytes(try suite.hashAlgorithm.byteCount)
            let id = PreSharedKeyID(.external(pskID: try Arguments.bytes(value, "psk")), pskNonce: nonce)
            return .psk(PreSharedKey(psk: id))
        case "gce":
            return .groupContextExtensions(GroupContextExtensions(extensions: try Arguments.extensions(value)))
        default: throw InteropError("an external sender proposes no \(name.prefix(40)) here")
        }
    }
}
