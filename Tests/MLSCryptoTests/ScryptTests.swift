import MLSCrypto
import TLSPresentation
import Testing

@Suite("Scrypt")
struct ScryptTests {
    struct Example: Sendable {
        var passphrase: String
        var salt: String
        var parameters: Scrypt.Parameters
        var key: String
    }

    /// RFC 7914 section 12, but for the one that takes a GiB.
    static let examples = [
        Example(
            passphrase: "", salt: "", parameters: .init(costExponent: 4, blockSize: 1, parallelism: 1),
            key: "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
                + "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"),
        Example(
            passphrase: "password", salt: "NaCl",
            parameters: .init(costExponent: 10, blockSize: 8, parallelism: 16),
            key: "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
                + "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"),
        Example(
            passphrase: "pleaseletmein", salt: "SodiumChloride",
            parameters: .init(costExponent: 14, blockSize: 8, parallelism: 1),
            key: "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                + "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"),
    ]

    @Test("RFC 7914's examples", arguments: examples)
    func agrees(with example: Example) throws {
        let passphrase = Array(example.passphrase.utf8)
        let salt = Array(example.salt.utf8)
        let key = try Scrypt.key(of: passphrase.rawSpan, salt: salt.rawSpan, example.parameters, byteCount: 64)
        let bytes = [UInt8](key.bytes)
        #expect(bytes.hex == example.key)
        #expect("\(key)" == "<redacted>")
    }

    @Test(
        "parameters that are none are refused",
        arguments: [
            Scrypt.Parameters(costExponent: 0, blockSize: 8, parallelism: 1),
            Scrypt.Parameters(costExponent: 4, blockSize: 0, parallelism: 1),
            Scrypt.Parameters(costExponent: 4, blockSize: 8, parallelism: 0),
            Scrypt.Parameters(costExponent: 32, blockSize: 8, parallelism: 1),
            Scrypt.Parameters(costExponent: 255, blockSize: .max, parallelism: .max),
        ])
    func invalid(parameters: Scrypt.Parameters) {
        #expect(throws: CryptoError.self) {
            let salt: [UInt8] = [1]
            _ = try Scrypt.key(of: salt.rawSpan, salt: salt.rawSpan, parameters, byteCount: 32)
        }
    }
}
