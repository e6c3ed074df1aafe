import MLSCodec
import MLSCrypto
import TLSPresentation

/// A PrivateMessage that is being made: written once, plaintext and all, then encrypted where it stands.
///
/// What its two encryptions authenticate are fields of the message in the same order, so that they are read from it too.
///
/// Invariant: the ranges are of `bytes`, in their order, and a tag fits behind `senderData` and `plaintext`.
struct PrivateMessageDraft {
    /// The encoding of the MLSMessage; not to be sent before `seal`.
    private(set) var bytes: [UInt8]
    /// `SenderDataAAD`: group_id, epoch and content_type. RFC 9420 section 6.3.2.
    private let senderDataAAD: Range<Int>
    /// `PrivateContentAAD`: the same and authenticated_data. RFC 9420 section 6.3.1.
    private let contentAAD: Range<Int>
    private let senderData: Range<Int>
    private let plaintext: Range<Int>

    /// A leaf index, a generation and a reuse guard.
    private static let senderDataByteCount = 12

    init(_ content: FramedContent, _ auth: FramedContentAuthData, padding: Padding, tagByteCount: Int) {
        var writer = Writer()
        writer.reserve(
            content.estimatedByteCount + auth.signature.count + padding.maxByteCount + FramedContent.slack)
        ProtocolVersion.mls10.encode(into: &writer)
        WireFormat.mlsPrivateMessage.encode(into: &writer)
        let start = writer.byteCount
        writer.opaque(content.groupID)
        writer.integer(content.epoch)
        content.contentType.encode(into: &writer)
        senderDataAAD = start..<writer.byteCount
        writer.opaque(content.authenticatedData)
        contentAAD = start..<writer.byteCount
        writer.varint(Self.senderDataByteCount + tagByteCount)
        senderData = writer.byteCount..<writer.byteCount + Self.senderDataByteCount
        writer.raw(repeatElement(0, count: Self.senderDataByteCount + tagByteCount))
        var byteCount = 0
        writer.vector { writer in
            let start = writer.byteCount
            PrivateMessageContent(content: content.content, auth: auth).encode(into: &writer)
            let paddingByteCount = padding.byteCount(behind: writer.byteCount - start)
            writer.raw(repeatElement(0, count: paddingByteCount + tagByteCount))
            byteCount = writer.byteCount - start
        }
        plaintext = writer.byteCount - byteCount..<writer.byteCount - tagByteCount
        bytes = writer.take()
    }

    /// Encrypts the content, and then with a sample of that the sender data.
    mutating func seal(
        _ key: borrowing MessageKey, from sender: LeafIndex, senderDataSecret: borrowing SecretBytes,
        crypto: inout CipherSuiteContext
    ) {
        // "the sender of a message MUST generate a fresh random four-byte 'reuse guard' value and XOR it with the first
        // four bytes of the nonce"
        let reuseGuard = randomReuseGuard()
        let nonce = key.nonce(guardedBy: reuseGuard)
        crypto.seal(in: &bytes, plaintext: plaintext, key: key.key, nonce: nonce.bytes, authenticating: contentAAD)
        let ciphertext = plaintext.lowerBound..<bytes.count
        let senderDataKey = crypto.senderDataKey(
            senderDataSecret.bytes, ciphertext: bytes.rawSpan.extracting(ciphertext))
        write(SenderData(leafIndex: sender, generation: key.generation, reuseGuard: reuseGuard))
        crypto.seal(
            in: &bytes, plaintext: senderData, key: senderDataKey.key, nonce: senderDataKey.nonce,
            authenticating: senderDataAAD)
    }

    private mutating func write(_ data: SenderData) {
        write(data.leafIndex.rawValue, at: senderData.lowerBound)
        write(data.generation, at: senderData.lowerBound + 4)
        write(data.reuseGuard, at: senderData.lowerBound + 8)
    }

    /// Writes a `uint32` over four bytes.
    private mutating func write(_ word: UInt32, at start: Int) {
        for index in 0..<4 { bytes[start + index] = UInt8(truncatingIfNeeded: word >> (24 - 8 * index)) }
    }
}
