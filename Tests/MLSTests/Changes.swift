/// Copies of `message` with one byte changed: each `stride`th and the last ones.
func changes(of message: [UInt8], every stride: Int) -> [[UInt8]] {
    let positions = Swift.stride(from: 0, to: message.count, by: stride) + [message.count - 2, message.count - 1]
    return positions.enumerated().map { number, position in
        var changed = message
        changed[position] ^= 1 << UInt8(number % 8)
        return changed
    }
}
