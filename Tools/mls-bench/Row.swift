/// What a row of the table is measured in.
enum Unit: String {
    case microseconds = "us"
    case bytes = "B"
    case allocations = "allocations"
}

/// A row of the table: what is asked for, with the floor on the machine where the bar was set.
struct Target: Sendable {
    let name: String
    let unit: Unit
    /// How libcrypto's operations add up to the floor, for people.
    let formula: String
    /// By suite: the floor that the bar belongs to, and the bar; nil where a bar is a bar without one.
    let bars: [UInt16: (floor: Double?, bar: Double)]
    let floor: (@Sendable (Floor) -> Double)?

    init(
        _ name: String, _ unit: Unit = .microseconds, _ formula: String,
        _ bars: [UInt16: (floor: Double?, bar: Double)],
        floor: (@Sendable (Floor) -> Double)? = nil
    ) {
        self.name = name
        self.unit = unit
        self.formula = formula
        self.bars = bars
        self.floor = floor
    }

    /// Whether these words are in the name; "n=100" is not in "n=1000".
    func isNamed(_ words: String) -> Bool {
        name.split(separator: words, omittingEmptySubsequences: false).dropFirst().contains {
            $0.first?.isNumber != true
        }
    }
}

/// What came out for a target.
struct Row {
    let target: Target
    let suite: UInt16
    let threadCount: Int
    /// In the target's unit; of a time, of the processor where there is one thread and of the clock where there are more.
    let measured: Double
    let wall: Double?
    let floor: Double?

    var ratio: Double? { floor.map { measured / $0 } }

    /// The bar on this machine: as much higher as its floor is higher here.
    var bar: Double? {
        guard let (reference, bar) = target.bars[suite] else { return nil }
        guard let reference, let floor else { return bar }
        return bar * floor / reference
    }

    var isMet: Bool? { bar.map { measured <= $0 } }

    // MARK: Output

    static let heading = """
        suite  row                                   measured      wall     floor  ratio       bar
        """

    var line: String {
        let wallText = wall.map { Self.text($0, target.unit) } ?? "-"
        let floorText = floor.map { Self.text($0, target.unit) } ?? "-"
        let barText = bar.map { Self.text($0, target.unit) } ?? "-"
        let ratioText = ratio.map { Self.decimal($0, 2) } ?? "-"
        let verdict = isMet.map { $0 ? "met" : "missed" } ?? ""
        return Self.right("\(suite)", 5) + "  " + Self.left(name, 34) + Self.right(Self.text(measured, target.unit), 12)
            + Self.right(wallText, 10) + Self.right(floorText, 10) + Self.right(ratioText, 7) + Self.right(barText, 10)
            + "  " + verdict
    }

    private var name: String { threadCount > 1 ? "\(target.name), \(threadCount) threads" : target.name }

    var json: String {
        func number(_ value: Double?) -> String { value.map { Self.decimal($0, 3) } ?? "null" }
        return "{\"row\":\"\(target.name)\",\"suite\":\(suite),\"threads\":\(threadCount),"
            + "\"unit\":\"\(target.unit.rawValue)\",\"measured\":\(number(measured)),\"wall\":\(number(wall)),"
            + "\"floor\":\(number(floor)),\"ratio\":\(number(ratio)),\"bar\":\(number(bar)),"
            + "\"met\":\(isMet.map(String.init) ?? "null"),\"formula\":\"\(target.formula)\"}"
    }

    private static func text(_ value: Double, _ unit: Unit) -> String {
        switch unit {
        case .microseconds: value < 10_000 ? decimal(value, value < 100 ? 1 : 0) : decimal(value / 1000, 1) + "ms"
        case .bytes: decimal(value / 1_000_000, 2) + "MB"
        case .allocations: decimal(value, 0)
        }
    }

    private static func decimal(_ value: Double, _ places: Int) -> String {
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let scaled = Int((value * scale).rounded())
        if places == 0 { return "\(scaled)" }
        let fraction = String(scaled % Int(scale))
        return "\(scaled / Int(scale))." + String(repeating: "0", count: places - fraction.count) + fraction
    }

    private static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
