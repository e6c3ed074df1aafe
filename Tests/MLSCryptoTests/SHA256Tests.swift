import MLSCrypto
import TLSPresentation
import Testing

@Suite("SHA-256")
struct SHA256Tests {
    @Test(
        "the hashes of FIPS 180-4's examples",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func examples(text: String, hash: String) {
        #expect(SHA256.hash(Array(text.utf8)).description == hash)
    }

    @Test("a context hashes again after finalize, and pieces hash like the whole")
    func reuse() {
        var context = SHA256()
        for _ in 0..<3 {
            context.update([0x61])
            context.update([])
            context.update(([0x62, 0x63] as [UInt8]).rawSpan)
            let hash = context.finalize()
            #expect(hash == SHA256.hash([0x61, 0x62, 0x63]))
        }
    }

    @Test("a digest given to update counts as its 32 bytes")
    func digestOfDigest() {
        var context = SHA256()
        let inner = SHA256.hash([1])
        context.update(inner)
        let outer = context.finalize()
        #expect(outer == SHA256.hash(inner.bytes))
    }
}

@Suite("SHA256Digest")
struct SHA256DigestTests {
    @Test("bytes, words, codec and description tell of the same 32 bytes")
    func oneValue() throws {
        let bytes = [UInt8](0..<32)
        let digest = SHA256Digest(bytes.rawSpan)
        #expect(digest.bytes == bytes && digest.encoded == bytes && digest.description == bytes.hex)
        #expect(digest.words.0 == 0x0001_0203_0405_0607)
        #expect(digest == SHA256Digest(words: digest.words.0, digest.words.1, digest.words.2, digest.words.3))
        #expect(try SHA256Digest(decoding: bytes) == digest)
        #expect(SHA256Digest.zero.bytes == [UInt8](repeating: 0, count: 32))
        var copy = [UInt8](repeating: 0xff, count: 33)
        copy.withUnsafeMutableBytes { digest.copyBytes(to: $0.baseAddress! + 1) }
        #expect(copy == [0xff] + bytes)
        #expect(MemoryLayout<SHA256Digest>.size == 32)
    }

    @Test("fewer or more than 32 bytes are refused", arguments: [0, 31, 33])
    func lengths(count: Int) {
        #expect(throws: DecodingError.self) { try SHA256Digest(decoding: [UInt8](repeating: 0, count: count)) }
    }
}

@Suite("Random bytes and hexadecimal digits")
struct RandomAndHexTests {
    @Test("as many as asked for, and not the same twice")
    func random() {
        #expect(randomBytes(0).isEmpty && randomBytes(32).count == 32)
        #expect(randomBytes(32) != randomBytes(32))
    }

    @Test("hexadecimal of either case comes back in lower case")
    func hex() {
        #expect([UInt8](hex: "00fFA9")?.hex == "00ffa9")
        #expect([UInt8](hex: "") == [])
    }

    @Test("anything else is refused", arguments: ["0", "0g", "0x", " 0", "0-", "é"])
    func notHex(text: String) { #expect([UInt8](hex: text) == nil) }
}
