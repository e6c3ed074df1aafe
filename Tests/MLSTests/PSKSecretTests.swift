import MLS
import MLSCodec
import MLSCrypto
import TLSPresentation
import TestSupport
import Testing

@Suite("Pre-shared keys (RFC 9420 section 8.4)")
struct PSKSecretTests {
    struct Case: Decodable {
        struct PSK: Decodable {
            let psk_id: Hex
            let psk: Hex
            let psk_nonce: Hex
        }

        let cipher_suite: UInt16
        let psks: [PSK]
        let psk_secret: Hex
    }

    @Test("official vectors: psk_secret.json")
    func vectors() throws {
        let cases = try Vectors.load("psk_secret.json", of: Case.self)
        #expect(Set(cases.map(\.cipher_suite)) == Set(1...7))
        for vector in cases {
            var crypto = try CipherSuiteContext(CipherSuite(rawValue: vector.cipher_suite))
            var secret = try PSKSecret(count: vector.psks.count, crypto: crypto)
            for psk in vector.psks {
                let id = PreSharedKeyID(.external(pskID: psk.psk_id.bytes), pskNonce: psk.psk_nonce.bytes)
                let bytes = psk.psk.bytes
                secret.add(bytes.rawSpan, id: id, crypto: &crypto)
            }
            let result = secret.finish().copy
            #expect(result == vector.psk_secret.bytes)
        }
    }

    @Test("the order, the usage and the epoch of pre-shared keys count", arguments: allSuites)
    func order(suite: CipherSuite) throws {
        var crypto = try CipherSuiteContext(suite)
        let nonce = randomBytes(crypto.hashByteCount)
        let first = PreSharedKeyID(
            .resumption(usage: .application, pskGroupID: [1], pskEpoch: 7), pskNonce: nonce)
        let second = PreSharedKeyID(
            .resumption(usage: .application, pskGroupID: [1], pskEpoch: 8), pskNonce: nonce)
        let third = PreSharedKeyID(.resumption(usage: .branch, pskGroupID: [1], pskEpoch: 7), pskNonce: nonce)
        let psk: [UInt8] = [1, 2, 3]
        func secret(_ ids: [PreSharedKeyID]) throws -> [UInt8] {
            var secret = try PSKSecret(count: ids.count, crypto: crypto)
            for id in ids { secret.add(psk.rawSpan, id: id, crypto: &crypto) }
            return secret.finish().copy
        }
        let all = try [[], [first], [second], [third], [first, second], [second, first]].map(secret)
        #expect(Set(all).count == all.count)
        #expect(all[0] == [UInt8](repeating: 0, count: crypto.hashByteCount))
    }

    @Test("more pre-shared keys than a uint16 counts are refused")
    func tooMany() throws {
        let crypto = try CipherSuiteContext(allSuites[0])
        _ = try PSKSecret(count: 65535, crypto: crypto)
        #expect(throws: KeyScheduleError.tooManyPSKs(65536)) { _ = try PSKSecret(count: 65536, crypto: crypto) }
    }
}
