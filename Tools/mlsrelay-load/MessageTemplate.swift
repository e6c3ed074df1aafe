import MLSCodec
import MLSCrypto
import RelayWire
import TLSPresentation

/// The messages of one group: PrivateMessages with application data, which differ in the stamp that their ciphertext
/// begins with and in nothing else. So each has one content that is right, and no two are the same.
/// ```
/// struct { uint32 publisher; uint64 counter; } Stamp;
/// ```
struct MessageTemplate {
    static let stampByteCount = 4 + 8
    /// Bytes of the encrypted sender data of a real message: SenderData and an AEAD tag.
    private static let encryptedSenderDataByteCount = 12 + 16

    /// An encoded MLSMessage, with a stamp of zeros.
    let bytes: [UInt8]
    /// Where the stamp begins in it.
    let stampOffset: Int

    /// - Precondition: a stamp fits into `ciphertextByteCount`.
    init(groupID: [UInt8], ciphertextByteCount: Int) {
        precondition(ciphertextByteCount >= Self.stampByteCount, "a ciphertext begins with a stamp")
        let stamp = [UInt8](repeating: 0, count: Self.stampByteCount)
        let message = MLSMessage.privateMessage(
            PrivateMessage(
                groupID: groupID, epoch: 0, contentType: .application,
                encryptedSenderData: randomBytes(Self.encryptedSenderDataByteCount),
                ciphertext: stamp + randomBytes(ciphertextByteCount - stamp.count)))
        bytes = message.encoded
        stampOffset = bytes.count - ciphertextByteCount
    }

    /// The message with this stamp.
    func message(publisher: UInt32, counter: UInt64) -> [UInt8] {
        var message = bytes
        message.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: publisher.bigEndian, toByteOffset: stampOffset, as: UInt32.self)
            bytes.storeBytes(of: counter.bigEndian, toByteOffset: stampOffset + 4, as: UInt64.self)
        }
        return message
    }
}

/// Publish frames of one publisher, as many as are sent at once, which are stamped in place.
final class PublishFrames {
    let frameByteCount: Int
    let capacity: Int
    private let bytes: UnsafeMutableRawBufferPointer
    private let counterOffset: Int
    private let requestIDOffset: Int

    init(_ template: MessageTemplate, publisher: UInt32, capacity: Int) {
        let message = template.message(publisher: publisher, counter: 0)
        let frame = Publish(messages: [message]).frame(RequestID(rawValue: 1))
        frameByteCount = frame.count
        self.capacity = capacity
        counterOffset = frame.count - message.count + template.stampOffset + 4
        requestIDOffset = (1 << Int(frame[0] >> 6)) + 1
        bytes = .allocate(byteCount: frame.count * capacity, alignment: 16)
        for index in 0..<capacity { bytes[(index * frame.count)...].copyBytes(from: frame) }
    }

    deinit { bytes.deallocate() }

    /// Makes the frame at `index` the one of `counter`.
    func stamp(_ index: Int, counter: UInt64, requestID: UInt32) {
        let start = index * frameByteCount
        bytes.storeBytes(of: requestID.bigEndian, toByteOffset: start + requestIDOffset, as: UInt32.self)
        bytes.storeBytes(of: counter.bigEndian, toByteOffset: start + counterOffset, as: UInt64.self)
    }

    /// Calls `body` with the first `count` frames.
    func withFrames<Result>(_ count: Int, _ body: (RawSpan) -> Result) -> Result {
        body(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: bytes[..<(count * frameByteCount)])))
    }
}
