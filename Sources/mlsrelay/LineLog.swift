import Glibc
import Logging
import RelaySettings

/// Writes log lines to standard error: for people, or as a JSON object each.
struct LineLog: LogHandler {
    let format: Settings.LogFormat
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let data = metadata.merging(event.metadata ?? [:]) { $1 }.mapValues(\.description).sorted { $0.key < $1.key }
        let line =
            switch format {
            case .text: Self.text(event, data)
            case .json: Self.json(event, data)
            }
        // One call a line: lines of several threads do not mix.
        var bytes = Array(line.utf8)
        bytes.append(UInt8(ascii: "\n"))
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }

    private static func text(_ event: LogEvent, _ data: [(key: String, value: String)]) -> String {
        var line = "\(timestamp()) \(event.level.rawValue) \(printable("\(event.message)"))"
        for (key, value) in data {
            let needsQuotes = value.isEmpty || value.contains { $0.isWhitespace || $0 == "\"" || $0 == "=" }
            line += " \(key)=" + (needsQuotes ? "\"\(printable(value))\"" : printable(value))
        }
        return line
    }

    private static func json(_ event: LogEvent, _ data: [(key: String, value: String)]) -> String {
        var line =
            "{\"time\":\"\(timestamp())\",\"level\":\"\(event.level.rawValue)\",\"message\":\(quoted("\(event.message)"))"
        if !data.isEmpty {
            line += ",\"data\":{" + data.map { "\(quoted($0.key)):\(quoted($0.value))" }.joined(separator: ",") + "}"
        }
        return line + "}"
    }

    /// What could look like another line, or move a terminal's cursor, is escaped.
    private static func printable(_ text: String) -> String {
        var line = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": line += #"\n"#
            case "\"", "\\": line += "\\\(scalar)"
            case _ where scalar.properties.generalCategory == .control:
                line += "\\u{\(String(scalar.value, radix: 16))}"
            default: line.unicodeScalars.append(scalar)
            }
        }
        return line
    }

    /// A JSON string. RFC 8259 section 7.
    private static func quoted(_ text: String) -> String {
        var string = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": string += "\\\(scalar)"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                string += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: string.unicodeScalars.append(scalar)
            }
        }
        return string + "\""
    }

    /// RFC 3339, in UTC, with milliseconds.
    private static func timestamp() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var fields = tm()
        gmtime_r(&now.tv_sec, &fields)
        func padded(_ number: some BinaryInteger, _ width: Int) -> String {
            let digits = "\(number)"
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(fields.tm_year + 1900)-\(padded(fields.tm_mon + 1, 2))-\(padded(fields.tm_mday, 2))"
        let time = "\(padded(fields.tm_hour, 2)):\(padded(fields.tm_min, 2)):\(padded(fields.tm_sec, 2))"
        return "\(date)T\(time).\(padded(now.tv_nsec / 1_000_000, 3))Z"
    }
}
