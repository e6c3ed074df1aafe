import COpenSSL
import TLSPresentation

/// Encrypts records that are kept: AES-256-GCM with a random nonce for each. RFC 5116 section 5.2.
/// ```
/// struct { opaque nonce[12]; opaque ciphertext[...]; opaque tag[16]; } SealedRecord;
/// ```
/// One thread at a time. Nonces are chosen at random, so one key is good for 2^32 records (NIST SP 800-38D section 8.3).
public struct RecordCipher: ~Copyable {
    public static let keyByteCount = 32
    /// By how many bytes a sealed record is longer than its plaintext.
    public static let overheadByteCount = nonceByteCount + tagByteCount

    private static let nonceByteCount = 12
    private static let tagByteCount = 16

    private let key: SharedSecret
    private var context: AEADContext

    /// - Precondition: `key` has `keyByteCount` bytes.
    public init(key: SharedSecret) {
        precondition(key.byteCount == Self.keyByteCount, "a key of 32 bytes")
        self.key = key
        context = AEADContext(.aes256GCM)
    }

    /// The sealed record of `plaintext`; another one each time.
    /// - Parameter data: what opens the record only if it is the same then.
    public mutating func seal(_ plaintext: RawSpan, authenticating data: RawSpan) -> [UInt8] {
        let key = key
        let nonce = randomBytes(Self.nonceByteCount)
        let byteCount = plaintext.byteCount + Self.overheadByteCount
        return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { record, count in
            count = byteCount
            let room = unsafe UnsafeMutableRawBufferPointer(start: record.baseAddress, count: byteCount)
            unsafe room.copyBytes(from: nonce)
            unsafe context.seal(
                plaintext, key: key.bytes, nonce: nonce.rawSpan, authenticating: data,
                into: UnsafeMutableRawBufferPointer(rebasing: room[Self.nonceByteCount...]))
        }
    }

    /// The plaintext of a sealed record.
    /// - Throws: `notAuthentic` where it was sealed with another key or other data, was changed, or is none.
    public mutating func open(_ record: RawSpan, authenticating data: RawSpan) throws(CryptoError) -> SharedSecret {
        let byteCount = record.byteCount - Self.overheadByteCount
        guard byteCount >= 0 else { throw .notAuthentic }
        let key = key
        var isAuthentic = false
        let plaintext = unsafe SharedSecret(byteCount: byteCount) { plaintext in
            isAuthentic = unsafe context.open(
                record.extracting(droppingFirst: Self.nonceByteCount), key: key.bytes,
                nonce: record.extracting(first: Self.nonceByteCount), authenticating: data, into: plaintext)
        }
        guard isAuthentic else { throw .notAuthentic }
        return plaintext
    }
}
