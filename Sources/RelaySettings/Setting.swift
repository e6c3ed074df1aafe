import RelayWire

/// One thing that an operator may set, the same on the command line, in the environment and in the configuration file.
public struct Setting: Sendable {
    /// `--NAME` on the command line and "NAME" in the configuration file.
    public let name: String
    /// What stands for the value in the help, such as SIZE.
    public let placeholder: String
    /// What it does, and why its default is what it is.
    public let help: String
    /// The default as it would be written; nil where there is none.
    public let defaultText: String?
    /// What values there are, to follow "must be".
    public let allowed: String
    /// Given several times on the command line, separated by commas in the environment, an array in the file.
    public let isList: Bool
    /// Takes over a value, one text or, for a list, several.
    /// - Returns: false when the value is none.
    let apply: @Sendable (inout Settings, [String]) -> Bool

    /// The variable in the environment.
    public var environmentName: String { "MLSRELAY_" + name.uppercased().replacing("-", with: "_") }
}

extension Setting: CustomStringConvertible {
    public var description: String { name }
}

/// Settings that belong together in the help.
public protocol SettingSection: Sendable {
    static var title: String { get }
    static var settings: [Setting] { get }
}

// MARK: Kinds of values

extension Setting {
    typealias Path<Value> = any WritableKeyPath<Settings, Value> & Sendable

    static func text(
        _ name: String, _ placeholder: String, _ path: Path<String>, bytes: ClosedRange<Int>, _ help: String
    ) -> Setting {
        Setting(
            name: name, placeholder: placeholder, help: help, defaultText: Settings()[keyPath: path],
            allowed: "text of \(bytes.lowerBound) to \(bytes.upperBound) bytes", isList: false
        ) { settings, texts in
            guard let text = texts.first, bytes.contains(text.utf8.count) else { return false }
            settings[keyPath: path] = text
            return true
        }
    }

    static func directory(_ name: String, _ path: Path<String?>, _ help: String) -> Setting {
        Setting(
            name: name, placeholder: "DIRECTORY", help: help, defaultText: nil, allowed: "the path of a directory",
            isList: false
        ) { settings, texts in
            guard let text = texts.first, !text.isEmpty else { return false }
            settings[keyPath: path] = text
            return true
        }
    }

    /// Names of users.
    static func names(_ name: String, _ path: Path<Set<[UInt8]>>, _ help: String) -> Setting {
        Setting(
            name: name, placeholder: "NAME", help: help, defaultText: nil,
            allowed: "names of 1 to \(WireLimits.maxNameByteCount) bytes without control characters", isList: true
        ) { settings, texts in
            let names = texts.map { Array($0.utf8) }
            guard names.allSatisfy(Identity.isValidName) else { return false }
            settings[keyPath: path] = Set(names)
            return true
        }
    }

    static func path(_ name: String, _ path: Path<String?>, _ help: String) -> Setting {
        Setting(
            name: name, placeholder: "FILE", help: help, defaultText: nil, allowed: "the path of a file", isList: false
        ) { settings, texts in
            guard let text = texts.first, !text.isEmpty else { return false }
            settings[keyPath: path] = text
            return true
        }
    }

    static func count<Number: FixedWidthInteger & Sendable>(
        _ name: String, _ path: Path<Number>, _ range: ClosedRange<Number>, _ help: String
    ) -> Setting {
        number(
            name, "N", path, range, help, allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            format: { "\($0)" }, parse: { Int64($0) })
    }

    static func byteCount<Number: FixedWidthInteger & Sendable>(
        _ name: String, _ path: Path<Number>, _ range: ClosedRange<Number>, _ help: String
    ) -> Setting {
        let (lowest, highest) = (ByteCount.format(Int64(range.lowerBound)), ByteCount.format(Int64(range.upperBound)))
        return number(
            name, "SIZE", path, range, help,
            allowed: "a size from \(lowest) to \(highest), such as 65536, 64KiB or 1MiB",
            format: ByteCount.format, parse: ByteCount.parse)
    }

    static func milliseconds<Number: FixedWidthInteger & Sendable>(
        _ name: String, _ path: Path<Number>, _ range: ClosedRange<Number>, _ help: String
    ) -> Setting {
        let (lowest, highest) = (
            Milliseconds.format(Int64(range.lowerBound)), Milliseconds.format(Int64(range.upperBound))
        )
        return number(
            name, "TIME", path, range, help, allowed: "a time from \(lowest) to \(highest), such as 500ms, 10s or 2min",
            format: Milliseconds.format, parse: Milliseconds.parse)
    }

    private static func number<Number: FixedWidthInteger & Sendable>(
        _ name: String, _ placeholder: String, _ path: Path<Number>, _ range: ClosedRange<Number>, _ help: String,
        allowed: String, format: (Int64) -> String, parse: @escaping @Sendable (String) -> Int64?
    ) -> Setting {
        Setting(
            name: name, placeholder: placeholder, help: help, defaultText: format(Int64(Settings()[keyPath: path])),
            allowed: allowed, isList: false
        ) { settings, texts in
            guard let number = texts.first.flatMap(parse), let value = Number(exactly: number), range.contains(value)
            else {
                return false
            }
            settings[keyPath: path] = value
            return true
        }
    }

    static func choice<Value: RawRepresentable & CaseIterable & Sendable>(
        _ name: String, _ placeholder: String, _ path: Path<Value>, _ help: String
    ) -> Setting where Value.RawValue == String {
        Setting(
            name: name, placeholder: placeholder, help: help, defaultText: Settings()[keyPath: path].rawValue,
            allowed: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "), isList: false
        ) { settings, texts in
            guard let value = texts.first.flatMap(Value.init(rawValue:)) else { return false }
            settings[keyPath: path] = value
            return true
        }
    }
}

/// Numbers of bytes as people write them.
enum ByteCount {
    private static let units: [(name: String, shift: Int64)] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)]

    static func format(_ count: Int64) -> String {
        for unit in units where count > 0 && count % (1 << unit.shift) == 0 {
            return "\(count >> unit.shift)\(unit.name)"
        }
        return "\(count)"
    }

    /// - Returns: nil unless `text` is a whole number, with a unit or without.
    static func parse(_ text: String) -> Int64? {
        for unit in units {
            guard let digits = text.removing(suffix: unit.name) else { continue }
            guard let count = Int64(digits) else { return nil }
            let (bytes, overflow) = count.multipliedReportingOverflow(by: 1 << unit.shift)
            return overflow ? nil : bytes
        }
        return Int64(text)
    }
}

/// Times as people write them; a number without a unit could mean anything and is none.
enum Milliseconds {
    // "ms" before "s", which it ends with.
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("ms", 1), ("min", 60_000), ("s", 1000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    static func format(_ time: Int64) -> String {
        if time % 86_400_000 == 0, time > 86_400_000 { return "\(time / 86_400_000)d" }
        if time % 3_600_000 == 0, time > 0 { return "\(time / 3_600_000)h" }
        // Up to two minutes in seconds, as people say it.
        if time % 60_000 == 0, time > 120_000 { return "\(time / 60_000)min" }
        return time % 1000 == 0 ? "\(time / 1000)s" : "\(time)ms"
    }

    static func parse(_ text: String) -> Int64? {
        for unit in units {
            guard let digits = text.removing(suffix: unit.name) else { continue }
            guard let count = Int64(digits) else { return nil }
            let (time, overflow) = count.multipliedReportingOverflow(by: unit.milliseconds)
            return overflow ? nil : time
        }
        return nil
    }
}

extension String {
    fileprivate func removing(suffix: String) -> Substring? { hasSuffix(suffix) ? dropLast(suffix.count) : nil }
}
