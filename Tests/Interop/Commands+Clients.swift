import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation

/// The program itself.
extension Interpreter {
    static let processCommands = [
        Command("suites") { _, arguments in
            try arguments.end()
            return [("suites", .array((1...7).map { .number($0) })), ("program", .string("mlsrelay"))]
        },
        Command("help") { interpreter, arguments in
            try arguments.end()
            return [("commands", .array(interpreter.commands.flatMap(\.usages).map { .string($0) }))]
        },
    ]
}

/// Clients and their KeyPackages.
extension Interpreter {
    static let clientCommands = [
        Command("new-client NAME SUITE") { interpreter, arguments in
            let name = String(try arguments.word("NAME"))
            let suite = try arguments.suite()
            try arguments.end()
            let client = try Client(name, suite: suite)
            try interpreter.add(client)
            return try signatureKey(of: client)
        },
        Command("new-client-x509 NAME SUITE PRIV DER ...") { interpreter, arguments in
            let name = String(try arguments.word("NAME"))
            let suite = try arguments.suite()
            let privateKey = try arguments.bytes("PRIV")
            var certificates = [Certificate(certData: try arguments.bytes("DER"))]
            while !arguments.isEmpty { certificates.append(Certificate(certData: try arguments.bytes("DER"))) }
            let signingKey = try signingKey(privateKey, suite)
            let client = try Client(name, suite: suite, signingKey: signingKey, certificates: certificates)
            try interpreter.add(client)
            return try signatureKey(of: client)
        },
        Command("use NAME") { interpreter, arguments in
            let client = try interpreter.client(named: arguments.word("NAME"))
            try arguments.end()
            interpreter.use(client)
            return []
        },
        Command("quit") { interpreter, arguments in
            try arguments.end()
            interpreter.isOver = true
            return []
        },
        Command("key-package [SUITE]") { interpreter, arguments in
            let client = try interpreter.client
            let suite = try arguments.optionalSuite() ?? client.suite
            try arguments.end()
            let made = try client.makeKeyPackage(suite)
            return [("key_package", .hex(MLSMessage.keyPackage(made.keyPackage).encoded)), ("ref", .hex(made.ref))]
        },
        Command("verify-key-package KP") { interpreter, arguments in
            let keyPackage = try Arguments.keyPackage(arguments.word("KP"))
            try arguments.end()
            let policy = try interpreter.client.configuration.policy
            let reason = refusal { () throws(GroupError) in try keyPackage.validate(policy: policy) }
            let leafReason = refusal { () throws(GroupError) in try keyPackage.validateLeafNode(policy: policy) }
            let encoded = keyPackage.encoded
            // One of a suite that is not known has none.
            let ref = try? keyPackageRef(of: encoded.rawSpan, suite: keyPackage.cipherSuite)
            return [
                ("valid", .bool(reason == nil)), ("leaf_valid", .bool(leafReason == nil)),
                ("suite", .number(UInt64(keyPackage.cipherSuite.rawValue))),
                ("name", .string(keyPackage.leafNode.credential.name)), ("ref", .hex(ref)),
                ("reason", reason.map { .string($0) } ?? .null),
            ]
        },
    ]

    /// The key pair of a private key, of which others leave out the zeros at the front where it is a number.
    private static func signingKey(_ privateKey: [UInt8], _ suite: CipherSuite) throws -> SigningKey {
        let kem = try suite.kem
        let isNumber = [KEM.p256, .p384, .p521].contains(kem)
        let missing = isNumber ? max(0, kem.privateKeyByteCount - privateKey.count) : 0
        let whole = [UInt8](repeating: 0, count: missing) + privateKey
        return try SigningKey(privateKey: whole.rawSpan, scheme: suite.signatureScheme)
    }

    private static func signatureKey(of client: Client) throws -> Fields {
        [("signature_key", .hex(try client.identity(for: client.suite).signingKey.publicKey.bytes))]
    }

    /// Why `check` throws; nil where it does not.
    private static func refusal(_ check: () throws(GroupError) -> Void) -> String? {
        do throws(GroupError) {
            try check()
            return nil
        } catch { return error.description }
    }
}

extension Credential {
    /// Whose it is, for a reader: a basic one's identity, else its type.
    var name: String {
        if case .basic(let identity) = self { return String(decoding: identity, as: UTF8.self) }
        return "\(credentialType)"
    }
}
