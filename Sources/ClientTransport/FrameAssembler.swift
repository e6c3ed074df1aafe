import RelayWire
import TLSPresentation

/// Keeps the beginning of a frame until the rest of it comes. It holds memory only in between.
///
/// Invariant: what is kept is shorter than the frame that it begins.
struct FrameAssembler {
    private var partial: [UInt8] = []
    let maxFrameByteCount: Int

    init(maxFrameByteCount: Int) { self.maxFrameByteCount = maxFrameByteCount }

    /// Whether a frame has begun and is not whole.
    var isPartial: Bool { !partial.isEmpty }

    /// Keeps the beginning of a frame.
    mutating func keep(_ beginning: RawSpan) {
        precondition(partial.isEmpty, "one frame at a time")
        if beginning.byteCount > 0 { partial = [UInt8](beginning) }
    }

    /// Takes from `piece`, from byte `position` on, what the frame that was kept still lacks; moves `position` behind.
    /// - Returns: the frame, with its length, once it is whole; nil if the piece is used up.
    mutating func complete(with piece: RawSpan, position: inout Int) throws(DecodingError) -> [UInt8]? {
        while true {
            let step = try FrameSplitter.step(partial.rawSpan, from: 0, maxByteCount: maxFrameByteCount)
            switch step {
            case .frame:
                let frame = partial
                partial = []
                return frame
            case .incomplete(let end):
                // The array grows as bytes come, not as a length promises them.
                let count = min(end - partial.count, piece.byteCount - position)
                if count == 0 { return nil }
                let bytes = piece.extracting(position..<position + count)
                unsafe bytes.withUnsafeBytes { unsafe partial.append(contentsOf: $0) }
                position += count
            }
        }
    }

    mutating func reset() { partial = [] }
}
