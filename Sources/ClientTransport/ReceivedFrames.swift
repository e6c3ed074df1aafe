public import RelayWire
import TLSPresentation

/// Whole frames that came in one piece, in place: the bytes are the loop's and valid for the delegate's call alone.
///
/// ```
/// | length | body | length | body | length | bo     the last one has not come whole: it comes with the next piece
///          ^ next()        ^ next()         ^ nil
/// ```
/// Walking over it allocates nothing. What a delegate does not look at is passed over.
public struct ReceivedFrames: ~Copyable, ~Escapable {
    @usableFromInline let bytes: RawSpan
    @usableFromInline let maxFrameByteCount: Int
    @usableFromInline var position = 0

    @usableFromInline
    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, maxFrameByteCount: Int) {
        self.bytes = bytes
        self.maxFrameByteCount = maxFrameByteCount
    }

    /// Bytes of the frames that `next` has returned, with their lengths.
    @inlinable
    public var consumedByteCount: Int { position }

    /// The body of the next frame, header and all; nil behind the last whole one.
    ///
    /// Nil also where no frame can begin: the socket is closed with an error after the delegate's call.
    @inlinable
    @_lifetime(copy self)
    public mutating func next() -> RawSpan? {
        let remaining = bytes.byteCount - position
        guard remaining > 4 else { return slowNext() }
        // Checked above: five bytes are there, and a length takes at most four of them.
        let first = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self)
        let bodyByteCount: Int
        let start: Int
        switch first >> 6 {
        case 0:
            bodyByteCount = Int(first)
            start = position + 1
        case 1:
            let word = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt16.self)
            bodyByteCount = Int(UInt16(bigEndian: word) & 0x3fff)
            start = position + 2
            guard bodyByteCount >= 1 << 6 else { return nil }
        default: return slowNext()
        }
        guard bodyByteCount >= FrameHeader.byteCount, bodyByteCount <= maxFrameByteCount,
            bodyByteCount <= bytes.byteCount - start
        else { return nil }
        position = start + bodyByteCount
        return bytes.extracting(start..<start + bodyByteCount)
    }

    /// Long frames, and those of which fewer than five bytes are there.
    @usableFromInline
    @_lifetime(copy self)
    mutating func slowNext() -> RawSpan? {
        // An error stops here, and `check` tells of it.
        guard case .frame(let body)? = try? FrameSplitter.step(bytes, from: position, maxByteCount: maxFrameByteCount)
        else { return nil }
        position = body.upperBound
        return bytes.extracting(body)
    }

    /// Whether at least one whole frame is left.
    var hasNext: Bool {
        // An error is no frame, and `check` tells of it.
        guard case .frame? = try? FrameSplitter.step(bytes, from: position, maxByteCount: maxFrameByteCount)
        else { return false }
        return true
    }

    /// Throws if no frame can begin where `next` has stopped.
    func check() throws(DecodingError) {
        _ = try FrameSplitter.step(bytes, from: position, maxByteCount: maxFrameByteCount)
    }
}
