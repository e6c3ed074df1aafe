import Glibc

/// As much of X.690 as a certificate needs.
enum DER {
    static let ed25519: [UInt8] = [0x06, 3, 0x2b, 0x65, 0x70]
    static let ecPublicKey: [UInt8] = [0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]
    static let prime256v1: [UInt8] = [0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]
    static let ecdsaWithSHA256: [UInt8] = [0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]
    static let commonName: [UInt8] = [0x06, 3, 0x55, 0x04, 0x03]

    static func value(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        let count = content.count
        let length: [UInt8] =
            count < 0x80
            ? [UInt8(count)] : count < 0x100 ? [0x81, UInt8(count)] : [0x82, UInt8(count >> 8), UInt8(count & 0xff)]
        return [tag] + length + content
    }

    static func sequence(_ values: [[UInt8]]) -> [UInt8] { value(0x30, values.flatMap { $0 }) }

    static func octets(_ bytes: [UInt8]) -> [UInt8] { value(0x04, bytes) }

    static func bitString(_ bytes: [UInt8]) -> [UInt8] { value(0x03, [0] + bytes) }

    static func time(_ text: String) -> [UInt8] { value(0x17, Array(text.utf8)) }

    /// Seconds since 1970, before 2050.
    static func time(_ seconds: UInt64) -> [UInt8] {
        var (time, parts) = (time_t(seconds), tm())
        gmtime_r(&time, &parts)
        let fields = [
            parts.tm_year % 100, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
        ]
        return self.time(fields.map { ($0 < 10 ? "0" : "") + String($0) }.joined() + "Z")
    }
}
