import ClientStore
import Foundation
import MLSCrypto
import TLSPresentation
import Testing

@testable import RelayClient

/// A directory that goes when this does.
private final class TestFolder: Sendable {
    let path = NSTemporaryDirectory() + "mlsrelay-identity-\(UUID().uuidString)"

    init() { mkdir(path, 0o700) }

    deinit {
        // It is there: `init` made it.
        try? FileManager.default.removeItem(atPath: path)
    }
}

@Suite("Identity")
struct IdentityTests {
    private let folder = TestFolder()
    var directory: String { folder.path }
    var path: String { directory + "/alice" }
    let identity: Identity
    /// As little work as scrypt can be.
    static let stretching = Scrypt.Parameters(costExponent: 1, blockSize: 1, parallelism: 1)

    init() throws {
        identity = try Identity.create(user: "älice", device: "a phone")
    }

    private func save(_ identity: Identity, _ passphrase: String = "a passphrase", replacing: Bool = false) throws {
        try identity.save(
            to: path, protectedBy: .passphrase(passphrase), replacing: replacing, stretching: Self.stretching)
    }

    private func load(_ passphrase: String = "a passphrase") throws -> Identity {
        try Identity.load(from: path, protectedBy: .passphrase(passphrase))
    }

    private var contents: [UInt8] {
        get throws { try [UInt8](Data(contentsOf: URL(fileURLWithPath: path))) }
    }

    /// Puts a file there that is for its owner alone.
    private func put(_ bytes: [UInt8]) {
        unlink(path)
        #expect(
            FileManager.default.createFile(
                atPath: path, contents: Data(bytes), attributes: [.posixPermissions: 0o600]))
    }

    private func expectSame(_ loaded: Identity) throws {
        #expect(loaded.user == identity.user)
        #expect(loaded.device == identity.device)
        #expect(loaded.fingerprint == identity.fingerprint)
        let storeKeys = ([UInt8](loaded.storeKey.secret.bytes), [UInt8](identity.storeKey.secret.bytes))
        #expect(storeKeys.0 == storeKeys.1)
        let message: [UInt8] = [1, 2, 3]
        let signature = try loaded.signingKey.sign(message.rawSpan)
        let isValid = identity.signingKey.publicKey.verify(signature: signature.rawSpan, message: message.rawSpan)
        #expect(isValid)
    }

    // MARK: Creating

    @Test("each identity has keys of its own, and says none of them")
    func creating() throws {
        let other = try Identity.create(user: "älice", device: "a phone")
        #expect(identity.user == "älice" && identity.device == "a phone")
        #expect(other.fingerprint != identity.fingerprint)
        #expect(identity.fingerprint.bytes == SHA256.hash(identity.signingKey.publicKey.bytes).bytes)
        let storeKeys = ([UInt8](other.storeKey.secret.bytes), [UInt8](identity.storeKey.secret.bytes))
        #expect(storeKeys.0 != storeKeys.1)
        #expect("\(identity)" == "älice, device a phone (\(identity.fingerprint))")
        var dumped = ""
        dump(identity, to: &dumped)
        #expect(!dumped.contains("storeKey") && !dumped.contains("connectionIdentity"))
    }

    @Test("names are checked: of the user 1 to 255 bytes, of the device at most 64, no control characters")
    func names() throws {
        for user in ["", String(repeating: "x", count: 256), "a\nb", "a\u{85}"] {
            #expect(throws: RelayClientError(.nameInvalid, "")) { try Identity.create(user: user, device: "") }
        }
        for device in [String(repeating: "ä", count: 33), "a\u{7f}"] {
            #expect(throws: RelayClientError(.nameInvalid, "")) { try Identity.create(user: "a", device: device) }
        }
        let longest = try Identity.create(
            user: String(repeating: "x", count: 255), device: String(repeating: "ä", count: 32))
        #expect(longest.user.utf8.count == 255 && longest.device.utf8.count == 64)
        #expect(try Identity.create(user: "a", device: "").device == "")
    }

    // MARK: Saving and loading

    @Test("a saved identity comes back with its passphrase, and its file is for its owner alone")
    func passphrase() throws {
        try save(identity)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        try expectSame(load())
        for wrong in ["a passphrasE", "", "a passphrase "] {
            #expect(throws: RelayClientError(.passphraseWrong, "")) { try load(wrong) }
        }
        #expect(throws: RelayClientError(.passphraseWrong, "")) {
            try Identity.load(from: path, protectedBy: .key(randomBytes(32)))
        }
    }

    @Test("a saved identity comes back with its key")
    func key() throws {
        let key = randomBytes(32)
        try identity.save(to: path, protectedBy: .key(key))
        try expectSame(Identity.load(from: path, protectedBy: .key(key)))
        for wrong in [randomBytes(32), Array(key.dropLast()), key + [0], []] {
            #expect(throws: RelayClientError(.passphraseWrong, "")) {
                try Identity.load(from: path, protectedBy: .key(wrong))
            }
        }
        #expect(throws: RelayClientError(.passphraseWrong, "")) { try load() }
        #expect(throws: RelayClientError(.passphraseWrong, "")) {
            try identity.save(to: path + "2", protectedBy: .key([1]))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["alice"])
    }

    @Test("S3-4: neither keys nor names are to be read in the file, and nothing tells that two files hold the same")
    func encrypted() throws {
        try identity.save(to: path, protectedBy: .passphrase("a passphrase"))
        let first = try contents
        let privateKey = try identity.signingKey.privateKeyBytes()
        let secrets = [
            [UInt8](privateKey.bytes), [UInt8](identity.storeKey.secret.bytes), Array("älice".utf8),
            Array("a phone".utf8), identity.signingKey.publicKey.bytes,
        ]
        for secret in secrets { #expect(Data(first).range(of: Data(secret)) == nil) }
        try save(identity, replacing: true)
        let second = try contents
        let common = zip(first, second).prefix { $0 == $1 }.count
        // The magic, the version and the kind.
        #expect(common == 19)
        try expectSame(load())
    }

    @Test("a passphrase is stretched with 32 MiB of memory unless a test wants less")
    func stretching() throws {
        try identity.save(to: path, protectedBy: .passphrase("x"))
        let file = try IdentityFile(decoding: contents)
        guard case .passphrase(let parameters, let salt) = file.lock else {
            Issue.record("the file has another lock")
            return
        }
        #expect(parameters == Scrypt.Parameters(costExponent: 15, blockSize: 8, parallelism: 1))
        #expect(parameters.memoryByteCount >= 32 << 20)
        #expect(salt.count == 16)
        try expectSame(load("x"))
    }

    @Test("a file that is there already goes only where that is said, and nothing else is left")
    func replacing() throws {
        let other = try Identity.create(user: "bob", device: "")
        try save(identity)
        #expect(throws: RelayClientError(.fileExists, "")) { try save(other) }
        try expectSame(load())
        try save(other, replacing: true)
        #expect(try load().user == "bob")
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["alice"])
    }

    @Test("a file that others may read, that is missing, or that is none cannot be used")
    func unusable() throws {
        let unusable = RelayClientError(.fileUnusable, "")
        #expect(throws: unusable) { try load() }
        try save(identity)
        for permissions: mode_t in [0o640, 0o604, 0o610, 0o602] {
            chmod(path, permissions)
            #expect(throws: unusable) { try load() }
        }
        unlink(path)
        mkfifo(path, 0o600)
        #expect(throws: unusable) { try load() }
        unlink(path)
        mkdir(path, 0o700)
        #expect(throws: unusable) { try load() }
        #expect(throws: unusable) { try save(identity, replacing: true) }
        #expect(throws: RelayClientError(.fileExists, "")) { try save(identity) }
        #expect(throws: unusable) {
            try identity.save(to: path + "/a/b", protectedBy: .key(randomBytes(32)))
        }
    }

    // MARK: Hostile files

    @Test("every truncated prefix, every flipped bit and everything appended is damage")
    func malformed() throws {
        try save(identity)
        let bytes = try contents
        let flipped = bytes.indices.flatMap { index in
            (0..<8).map { bit in
                var changed = bytes
                changed[index] ^= 1 << UInt8(bit)
                return changed
            }
        }
        let prefixes = bytes.indices.map { Array(bytes[..<$0]) }
        for wrong in flipped + prefixes + [bytes + [0], [UInt8](repeating: 0, count: 5000)] {
            put(wrong)
            #expect(throws: RelayClientError(.damaged, "")) { try load() }
        }
        put(bytes)
        try expectSame(load())
    }

    /// `head`, what is sealed, and the checksum that belongs to them.
    private func file(_ head: [UInt8], _ sealed: [UInt8]) -> [UInt8] {
        var writer = Writer(head)
        writer.opaque(sealed)
        SHA256.hash(writer.bytes).encode(into: &writer)
        return writer.bytes
    }

    private let head = Array("mlsrelay.device\n".utf8) + [0, 1]

    @Test(
        "a file that asks for too much memory or time is refused before it gets it",
        arguments: [
            Scrypt.Parameters(costExponent: 20, blockSize: 8, parallelism: 1),
            Scrypt.Parameters(costExponent: 255, blockSize: 1, parallelism: 1),
            Scrypt.Parameters(costExponent: 1, blockSize: .max, parallelism: .max),
            Scrypt.Parameters(costExponent: 14, blockSize: 8, parallelism: 5),
        ])
    func hostileParameters(parameters: Scrypt.Parameters) throws {
        var writer = Writer(head + [2, parameters.costExponent])
        writer.integer(parameters.blockSize)
        writer.integer(parameters.parallelism)
        writer.raw(randomBytes(16))
        put(file(writer.bytes, randomBytes(100)))
        let start = ContinuousClock.now
        #expect(throws: RelayClientError(.damaged, "")) { try load() }
        #expect(ContinuousClock.now - start < .seconds(1))
    }

    @Test("parameters that scrypt does not know make the file unusable, and end nothing")
    func impossibleParameters() throws {
        put(file(head + [2, 0, 0, 8, 0, 1] + randomBytes(16), randomBytes(100)))
        #expect(throws: RelayClientError(.fileUnusable, "")) { try load() }
    }

    @Test("a file of another version or kind is damage")
    func unknown() throws {
        let sealed = randomBytes(100)
        for head in [head.dropLast() + [2, 1], head + [0], head + [3]] {
            put(file(Array(head), sealed))
            #expect(throws: RelayClientError(.damaged, "")) { try load() }
        }
    }

    @Test("what the right key sealed is not trusted: names, scheme, keys and lengths are checked")
    func hostileSecrets() throws {
        let key = randomBytes(32)
        func secrets(
            user: [UInt8] = [97], device: [UInt8] = [98], scheme: UInt16 = 0x0807, privateKeyByteCount: Int = 32,
            storeKeyByteCount: Int = 32
        ) -> [UInt8] {
            var writer = Writer()
            writer.opaque(user)
            writer.opaque(device)
            writer.integer(scheme)
            writer.opaque(randomBytes(privateKeyByteCount))
            writer.raw(randomBytes(storeKeyByteCount))
            return writer.bytes
        }
        func load(_ secrets: [UInt8]) throws -> Identity {
            var cipher = RecordCipher(key: SharedSecret(copying: key.rawSpan))
            let head = head + [1]
            put(file(head, cipher.seal(secrets.rawSpan, authenticating: head.rawSpan)))
            return try Identity.load(from: path, protectedBy: .key(key))
        }
        #expect(try load(secrets()).user == "a")
        let wrong = [
            [], secrets(user: []), secrets(user: [0xff]), secrets(user: [10]), secrets(device: [0xff]),
            secrets(device: [UInt8](repeating: 97, count: 65)), secrets(scheme: 0x0403), secrets(scheme: 1),
            secrets(privateKeyByteCount: 31), secrets(privateKeyByteCount: 0), secrets(storeKeyByteCount: 31),
            secrets(storeKeyByteCount: 33),
        ]
        for wrong in wrong {
            #expect(throws: RelayClientError(.damaged, "")) { _ = try load(wrong) }
        }
    }
}
