/// What the fuzzer changes in bytes that were right: four of its bytes for each change.
struct Edits {
    private var remaining: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { remaining = bytes }

    /// Changes `bytes`.
    func callAsFunction(_ bytes: inout [UInt8]) {
        var remaining = remaining
        while remaining.count >= 4 {
            let edit = Array(remaining.prefix(4))
            remaining = remaining.dropFirst(4)
            let (operation, value) = (edit[2], edit[3])
            let offset = Int(edit[0]) << 8 | Int(edit[1])
            guard !bytes.isEmpty else {
                bytes.append(value)
                continue
            }
            let position = offset % bytes.count
            switch operation % 7 {
            case 0: bytes[position] = value
            case 1: bytes[position] ^= value
            case 2: bytes.insert(value, at: position)
            case 3: bytes.removeSubrange(position..<min(bytes.count, position + 1 + Int(value)))
            case 4: bytes.removeLast(bytes.count - position)
            // A part of it again, elsewhere.
            case 5:
                let end = min(bytes.count, position + 1 + Int(value))
                bytes.insert(contentsOf: bytes[position..<end], at: bytes.count - position)
            default:
                for index in position..<min(bytes.count, position + 4) { bytes[index] = value }
            }
        }
    }
}
