import Glibc
import RelayWire
import TLSPresentation

extension Timestamp {
    /// "2026-11-21T03:27:32.884Z"
    var text: String {
        var seconds = time_t(clamping: rawValue / 1000)
        var fields = tm()
        guard gmtime_r(&seconds, &fields) != nil else { return "\(rawValue) ms" }
        func digits(_ value: Int32, _ count: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, count - digits.count)) + digits
        }
        let year = Int(fields.tm_year) + 1900
        let date = "\(year)-\(digits(fields.tm_mon + 1, 2))-\(digits(fields.tm_mday, 2))"
        let time = "\(digits(fields.tm_hour, 2)):\(digits(fields.tm_min, 2)):\(digits(fields.tm_sec, 2))"
        return "\(date)T\(time).\(digits(Int32(rawValue % 1000), 3))Z"
    }
}

/// "512 bytes", "1.5 MiB".
func byteCountText(_ byteCount: Int) -> String {
    guard byteCount >= 1024 else { return "\(byteCount) bytes" }
    var value = Double(byteCount)
    var unit = -1
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB"]
    while value >= 1024, unit < units.count - 1 {
        value /= 1024
        unit += 1
    }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) \(units[unit])"
}

/// A group id for people: as text in quotes where it is one that can be read, else in hexadecimal digits.
func groupText(_ groupID: [UInt8]) -> String { readableText(groupID).map { "\"\($0)\"" } ?? groupID.hex }

/// Bytes as text; nil where they are not UTF-8, or have what a terminal would not just show.
func readableText(_ bytes: [UInt8]) -> String? {
    guard !bytes.isEmpty, let text = String(validating: bytes, as: UTF8.self) else { return nil }
    let isReadable = text.unicodeScalars.allSatisfy { scalar in
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
    return isReadable ? text : nil
}

/// Bytes that should be text, in quotes; in hexadecimal digits where a terminal would not just show them.
func textOrHex(_ bytes: [UInt8]) -> String { bytes.isEmpty ? "\"\"" : groupText(bytes) }

/// "publicHandshake" as "public handshake".
func words(_ caseName: String) -> String {
    caseName.reduce(into: "") { $0 += $1.isUppercase ? " \($1.lowercased())" : "\($1)" }
}

/// How long it is from a time to another, in its largest units: "3 d 4 h", "12 min".
func ageText(_ since: Timestamp, to now: Timestamp) -> String {
    durationText(now.rawValue - min(now.rawValue, since.rawValue))
}

func durationText(_ milliseconds: UInt64) -> String {
    let seconds = milliseconds / 1000
    let units: [(name: String, seconds: UInt64)] = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)]
    guard let index = units.firstIndex(where: { seconds >= $0.seconds }) else { return "0 s" }
    var text = "\(seconds / units[index].seconds) \(units[index].name)"
    let rest = seconds % units[index].seconds
    if index < 2, rest >= units[index + 1].seconds {
        text += " \(rest / units[index + 1].seconds) \(units[index + 1].name)"
    }
    return text
}

/// The time at present.
var currentTime: Timestamp {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Timestamp(rawValue: UInt64(now.tv_sec) * 1000 + UInt64(now.tv_nsec) / 1_000_000)
}

/// "1 entry", "2 entries".
func counted(_ count: Int, _ one: String, _ many: String) -> String { "\(count) \(count == 1 ? one : many)" }
