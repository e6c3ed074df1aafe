import Foundation
import MLSCrypto
import RelayConnection
import TLSPresentation
import Testing

@Suite("ConnectionIdentity")
struct ConnectionIdentityTests {
    let path = NSTemporaryDirectory() + "mlsrelay-identity-\(UUID().uuidString)"

    @Test(
        "a saved identity comes back, for every scheme, and its file is for its owner alone",
        arguments: [
            SignatureScheme.ed25519, .ed448, .ecdsaSecp256r1SHA256, .ecdsaSecp384r1SHA384, .ecdsaSecp521r1SHA512,
        ])
    func saveAndLoad(scheme: SignatureScheme) throws {
        defer { unlink(path) }
        let identity = try ConnectionIdentity.generate(name: "älice", scheme: scheme)
        try identity.save(to: path)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        let loaded = try ConnectionIdentity.load(from: path)
        #expect(loaded.identity == identity.identity)
        let message: [UInt8] = [1, 2, 3]
        let signature = try loaded.key.sign(message.rawSpan)
        let isValid = identity.key.publicKey.verify(signature: signature.rawSpan, message: message.rawSpan)
        #expect(isValid)
    }

    @Test("a file that is there already goes only where that is said")
    func replacing() throws {
        defer { unlink(path) }
        let first = try ConnectionIdentity.generate(name: "a")
        let second = try ConnectionIdentity.generate(name: "b")
        try first.save(to: path)
        #expect(throws: ConnectionIdentityError.fileExists) { try second.save(to: path) }
        #expect(try ConnectionIdentity.load(from: path).name == "a")
        try second.save(to: path, replacing: true)
        #expect(try ConnectionIdentity.load(from: path).name == "b")
        let folder = (path as NSString).deletingLastPathComponent
        let mine = (path as NSString).lastPathComponent
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix(mine) } == [mine])
    }

    @Test("a file that others may read is refused")
    func exposed() throws {
        defer { unlink(path) }
        try ConnectionIdentity.generate(name: "a").save(to: path)
        chmod(path, 0o640)
        #expect(throws: ConnectionIdentityError.fileExposed(permissions: 0o640)) {
            try ConnectionIdentity.load(from: path)
        }
    }

    @Test("every truncated prefix, and anything appended, is refused")
    func malformed() throws {
        defer { unlink(path) }
        try ConnectionIdentity.generate(name: "a").save(to: path)
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        for wrong in (0..<bytes.count).map({ Array(bytes[..<$0]) }) + [bytes + [0], bytes.map { $0 ^ 1 }] {
            unlink(path)
            #expect(
                FileManager.default.createFile(
                    atPath: path, contents: Data(wrong), attributes: [.posixPermissions: 0o600]))
            #expect(throws: ConnectionIdentityError.fileMalformed) { try ConnectionIdentity.load(from: path) }
        }
    }

    @Test("names are checked, and the key is not printed")
    func names() throws {
        for name in ["", String(repeating: "x", count: 256), "a\nb"] {
            #expect(throws: ConnectionIdentityError.nameInvalid) { try ConnectionIdentity.generate(name: name) }
        }
        let identity = try ConnectionIdentity.generate(name: "alice")
        #expect("\(identity)".contains("<redacted>"))
        #expect(throws: ConnectionIdentityError.system(call: "open", code: ENOENT)) {
            try ConnectionIdentity.load(from: path)
        }
    }
}
