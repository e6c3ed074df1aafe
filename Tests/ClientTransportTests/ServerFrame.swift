/// Server frames, written out by hand.
enum ServerFrame {
    static func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let length: [UInt8]
        switch payload.count {
        case ...125: length = [UInt8(payload.count)]
        case ...0xffff: length = [126, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)]
        default: length = [127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        return [first] + length + payload
    }
    static func binary(_ payload: [UInt8]) -> [UInt8] { frame(0x82, payload) }
    static func ping(_ payload: [UInt8]) -> [UInt8] { frame(0x89, payload) }
    static func close(_ code: UInt16, _ reason: String = "") -> [UInt8] {
        frame(0x88, [UInt8(code >> 8), UInt8(code & 0xff)] + Array(reason.utf8))
    }
}
