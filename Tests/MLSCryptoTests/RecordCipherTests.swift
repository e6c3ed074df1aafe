import MLSCrypto
import TLSPresentation
import Testing

@Suite("RecordCipher")
struct RecordCipherTests {
    let key = SharedSecret(copying: SecretBytes(randomByteCount: RecordCipher.keyByteCount).bytes)
    let data: [UInt8] = [1, 2, 3]

    @Test("what is sealed opens, and is another record each time", arguments: [0, 1, 15, 16, 17, 100_000])
    func roundTrips(byteCount: Int) throws {
        var cipher = RecordCipher(key: key)
        let plaintext = randomBytes(byteCount)
        let first = cipher.seal(plaintext.rawSpan, authenticating: data.rawSpan)
        let second = cipher.seal(plaintext.rawSpan, authenticating: data.rawSpan)
        #expect(first != second)
        #expect(first.count == byteCount + RecordCipher.overheadByteCount)
        for record in [first, second] {
            let opened = try cipher.open(record.rawSpan, authenticating: data.rawSpan)
            let bytes = [UInt8](opened.bytes)
            #expect(bytes == plaintext)
        }
    }

    @Test("another key, other data, a changed bit and a missing byte do not open it")
    func tampering() throws {
        var cipher = RecordCipher(key: key)
        let record = cipher.seal(data.rawSpan, authenticating: data.rawSpan)
        for position in record.indices {
            var changed = record
            changed[position] ^= 1
            #expect(throws: CryptoError.notAuthentic) { try open(changed, with: key, authenticating: data) }
            let prefix = Array(record[..<position])
            #expect(throws: CryptoError.notAuthentic) { try open(prefix, with: key, authenticating: data) }
        }
        #expect(throws: CryptoError.notAuthentic) { try open(record, with: key, authenticating: [1, 2]) }
        let other = SharedSecret(copying: SecretBytes(randomByteCount: RecordCipher.keyByteCount).bytes)
        #expect(throws: CryptoError.notAuthentic) { try open(record, with: other, authenticating: data) }
        try open(record, with: key, authenticating: data)
    }

    private func open(_ record: [UInt8], with key: SharedSecret, authenticating data: [UInt8]) throws {
        var cipher = RecordCipher(key: key)
        _ = try cipher.open(record.rawSpan, authenticating: data.rawSpan)
    }
}
