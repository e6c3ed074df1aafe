import MLSCodec
import MLSCrypto
import TLSPresentation
import TestSupport
import Testing

/// A case of crypto-basics.json: one for each cipher suite.
struct CryptoBasics: Decodable {
    struct RefHash: Decodable {
        let label: String
        let value: Hex
        let out: Hex
    }

    let cipher_suite: UInt16
    let ref_hash: RefHash

    var suite: CipherSuite { CipherSuite(rawValue: cipher_suite) }

    static func all() throws -> [CryptoBasics] {
        let cases = try Vectors.load("crypto-basics.json", of: CryptoBasics.self)
        #expect(Set(cases.map(\.cipher_suite)) == Set(1...7))
        return cases
    }
}

@Suite("Official vectors: crypto-basics.json")
struct CryptoBasicsTests {
    @Test("RefHash of every suite (RFC 9420 section 5.2)")
    func refHash() throws {
        for basics in try CryptoBasics.all() {
            let out = try MLSCrypto.refHash(
                label: basics.ref_hash.label, value: basics.ref_hash.value.bytes.rawSpan, suite: basics.suite)
            #expect(out == basics.ref_hash.out.bytes)
        }
    }

    @Test("an unknown suite is refused, GREASE too", arguments: [0, 8, 0x0a0a] as [UInt16])
    func unknownSuite(rawValue: UInt16) {
        let suite = CipherSuite(rawValue: rawValue)
        #expect(throws: CryptoError.unsupportedCipherSuite(suite)) {
            try keyPackageRef(of: ([1] as [UInt8]).rawSpan, suite: suite)
        }
        #expect(throws: CryptoError.unsupportedCipherSuite(suite)) { try suite.signatureScheme }
    }
}
