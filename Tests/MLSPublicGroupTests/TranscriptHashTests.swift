import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation
import TestSupport
import Testing

struct TranscriptHashVector: Decodable {
    let cipher_suite: UInt16
    let authenticated_content: Hex
    let interim_transcript_hash_before: Hex
    let confirmed_transcript_hash_after: Hex
    let interim_transcript_hash_after: Hex
}

@Suite("Transcript hashes (RFC 9420 section 8.2)")
struct TranscriptHashTests {
    @Test("official vectors: transcript-hashes.json")
    func vectors() throws {
        for vector in try Vectors.load("transcript-hashes.json", of: TranscriptHashVector.self) {
            let algorithm = try CipherSuite(rawValue: vector.cipher_suite).hashAlgorithm
            let commit = try AuthenticatedContent(decoding: vector.authenticated_content.bytes)
            let confirmed = ConfirmedTranscriptHashInput(commit)
                .confirmedTranscriptHash(after: vector.interim_transcript_hash_before.bytes, algorithm)
            #expect(confirmed == vector.confirmed_transcript_hash_after.bytes)
            let tag = try #require(commit.auth.confirmationTag)
            let interim = InterimTranscriptHashInput(confirmationTag: tag)
                .interimTranscriptHash(after: confirmed, algorithm)
            #expect(interim == vector.interim_transcript_hash_after.bytes)
        }
    }
}
