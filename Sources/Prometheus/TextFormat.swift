/// Prometheus' text format 0.0.4.
enum TextFormat {
    /// A name as the format has it: what it does not allow becomes an underscore.
    static func name(_ name: String) -> String { replaceInvalid(in: name, colonIsValid: true) }

    static func labelName(_ name: String) -> String { replaceInvalid(in: name, colonIsValid: false) }

    private static func replaceInvalid(in name: String, colonIsValid: Bool) -> String {
        var valid = ""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "a"..."z", "A"..."Z", "_": valid.unicodeScalars.append(scalar)
            case "0"..."9" where !valid.isEmpty: valid.unicodeScalars.append(scalar)
            case ":" where colonIsValid: valid.unicodeScalars.append(scalar)
            default: valid += "_"
            }
        }
        return valid.isEmpty ? "_" : valid
    }

    static func write(_ family: Family, name: String, help: String?, to text: inout String) {
        if let help { text += "# HELP \(name) \(escape(help, quote: false))\n" }
        text += "# TYPE \(name) \(family.kind.rawValue)\n"
        let sorted = family.series.map { (labels: $0.key.map(write), series: $0.value) }
            .sorted { $0.labels.lexicographicallyPrecedes($1.labels) }
        for (labels, series) in sorted {
            switch series {
            case let counter as CounterSeries: writeSample(name, labels, "\(counter.value)", to: &text)
            case let counter as FractionalCounterSeries: writeSample(name, labels, number(counter.value), to: &text)
            case let gauge as GaugeSeries: writeSample(name, labels, number(gauge.value), to: &text)
            case let histogram as HistogramSeries: write(histogram, name, labels, to: &text)
            default: preconditionFailure("a series is of one of these kinds")
            }
        }
    }

    private static func write(_ histogram: HistogramSeries, _ name: String, _ labels: [String], to text: inout String) {
        let (counts, sum) = histogram.snapshot
        var total = 0
        for (index, count) in counts.enumerated() {
            total += count
            let bound = index < histogram.bounds.count ? number(histogram.bounds[index]) : "+Inf"
            writeSample(name + "_bucket", labels + [#"le="\#(bound)""#], "\(total)", to: &text)
        }
        writeSample(name + "_sum", labels, number(sum), to: &text)
        writeSample(name + "_count", labels, "\(total)", to: &text)
    }

    private static func writeSample(_ name: String, _ labels: [String], _ value: String, to text: inout String) {
        text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels.joined(separator: ","))} \(value)\n"
    }

    private static func write(_ label: Label) -> String { #"\#(label.name)="\#(escape(label.value, quote: true))""# }

    /// Backslash and line feed are escaped, in a label's value the quotation mark too.
    private static func escape(_ value: String, quote: Bool) -> String {
        var escaped = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": escaped += #"\\"#
            case "\n": escaped += #"\n"#
            case "\"" where quote: escaped += #"\""#
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// Whole numbers without a fraction, as people read them.
    private static func number(_ value: Double) -> String {
        if let whole = Int64(exactly: value), abs(whole) < 1 << 53 { return "\(whole)" }
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return "\(value)"
    }
}
