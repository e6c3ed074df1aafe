/// A JSON object on one line, its members in the order in which they were added. RFC 8259.
struct JSONObject {
    private var members: [String] = []

    var line: String { "{" + members.joined(separator: ",") + "}" }

    mutating func add(_ other: JSONObject) { members += other.members }
    mutating func add(_ name: String, _ value: some BinaryInteger) { member(name, "\(value)") }
    mutating func add(_ name: String, _ value: Bool) { member(name, "\(value)") }
    mutating func add(_ name: String, _ value: String) { member(name, Self.quoted(value)) }
    /// With three digits behind the point; null where it is no number.
    mutating func add(_ name: String, _ value: Double) {
        member(name, value.isFinite ? "\((value * 1000).rounded() / 1000)" : "null")
    }
    mutating func add(_ name: String, _ body: (inout JSONObject) -> Void) {
        var object = JSONObject()
        body(&object)
        member(name, object.line)
    }

    /// Percentiles in microseconds; null where there is nothing to take them of.
    mutating func add(_ name: String, _ latency: Latency.Summary?) {
        guard let latency else { return member(name, "null") }
        add(name) { object in
            object.add("p50", latency.p50)
            object.add("p99", latency.p99)
            object.add("p99_9", latency.p999)
            object.add("max", latency.max)
        }
    }

    private mutating func member(_ name: String, _ value: String) { members.append(Self.quoted(name) + ":" + value) }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{0}"..<" ":
                let hex = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
