import Configuration
import Foundation

/// A setting, or the file that holds it, that cannot be used.
public struct SettingError: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String
    /// Whether it came from the command line.
    public var isUsage = false
}

/// Where settings come from: what stands first wins.
public struct SettingSources: Sendable {
    private enum Origin {
        case commandLine
        case environment
        case file(String)
    }
    private let sources: [(origin: Origin, values: any ConfigSnapshot)]

    /// - Parameters:
    ///   - arguments: what the command line gives, by the settings' names.
    ///   - environment: variables that begin with MLSRELAY_ count.
    ///   - file: the configuration file's path; where there is none, MLSRELAY_CONFIG of the environment.
    public init(
        arguments: [String: [String]], environment: [String: String], file: String? = nil
    ) throws(SettingErrors) {
        let lists = Set(allSettings.filter(\.isList).map(\.name))
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        for (name, texts) in arguments {
            guard let text = texts.last else { continue }
            values[AbsoluteConfigKey([name])] = ConfigValue(
                lists.contains(name) ? .stringArray(texts) : .string(text), isSecret: false)
        }
        var sources: [(Origin, any ConfigSnapshot)] = [
            (.commandLine, InMemoryProvider(name: "command line", values: values).snapshot()),
            (
                .environment,
                EnvironmentVariablesProvider(environmentVariables: environment).prefixKeys(with: ["mlsrelay"])
                    .snapshot()
            ),
        ]
        if let path = file ?? environment["MLSRELAY_CONFIG"] { sources.append((.file(path), try Self.read(path))) }
        self.sources = sources
    }

    private static func read(_ path: String) throws(SettingErrors) -> any ConfigSnapshot {
        do {
            let content = try Data(contentsOf: URL(fileURLWithPath: path))
            let members = try JSONDecoder().decode([String: FileValue].self, from: content)
            let known = Set(allSettings.map(\.name))
            let unknown = members.keys.filter { !known.contains($0) }.sorted()
            guard unknown.isEmpty else {
                let names = unknown.map { "\"\($0)\"" }.joined(separator: ", ")
                throw SettingErrors(
                    "\(path): there is no setting \(names); the names are those of --help, without the two dashes")
            }
            return try JSONSnapshot(data: content.bytes, providerName: path, parsingOptions: .default)
        } catch let error as SettingErrors {
            throw error
        } catch let error as DecodingError {
            throw SettingErrors("\(path): \(error.reason)")
        } catch {
            throw SettingErrors("\(path) cannot be read: \(error.localizedDescription)")
        }
    }

    /// The settings from all sources, the defaults where there are none.
    /// - Throws: all that is wrong, at least one error.
    public func settings() throws(SettingErrors) -> Settings {
        var settings = Settings()
        var errors: [SettingError] = []
        for setting in allSettings {
            guard let (origin, texts) = find(setting) else { continue }
            if !setting.apply(&settings, texts) { errors.append(Self.error(setting, texts, origin)) }
        }
        if errors.isEmpty { errors = settings.contradictions.map { SettingError(description: $0) } }
        guard errors.isEmpty else { throw SettingErrors(all: errors) }
        return settings
    }

    /// Variables that look like settings and are none. Not an error: others may set them, as Kubernetes does for services.
    public static func unknownVariables(in environment: [String: String]) -> [String] {
        let known = Set(allSettings.map(\.environmentName) + ["MLSRELAY_CONFIG"])
        return environment.keys.filter { $0.hasPrefix("MLSRELAY_") && !known.contains($0) }.sorted()
    }

    private func find(_ setting: Setting) -> (Origin, [String])? {
        let key = AbsoluteConfigKey([setting.name])
        for (origin, values) in sources {
            // The first type that the value has or can be read as.
            for type in setting.isList ? [ConfigType.stringArray, .string] : [.string, .int, .double, .stringArray] {
                // A value of another type is not an error yet.
                guard let content = try? values.value(forKey: key, type: type).value?.content else { continue }
                return (origin, Self.texts(content))
            }
        }
        return nil
    }

    private static func texts(_ content: ConfigContent) -> [String] {
        switch content {
        case .string(let text): [text]
        case .int(let number): ["\(number)"]
        case .double(let number): ["\(number)"]
        case .stringArray(let texts): texts
        default: []
        }
    }

    private static func error(_ setting: Setting, _ texts: [String], _ origin: Origin) -> SettingError {
        let found = texts.isEmpty ? "nothing" : texts.map { "\"\($0)\"" }.joined(separator: ", ")
        let (place, isUsage) =
            switch origin {
            case .commandLine: ("--\(setting.name)", true)
            case .environment: (setting.environmentName, false)
            case .file(let path): ("\"\(setting.name)\" in \(path)", false)
            }
        return SettingError(description: "\(place) is \(found); it must be \(setting.allowed)", isUsage: isUsage)
    }
}

/// Everything that is wrong with the settings.
public struct SettingErrors: Error, Sendable, CustomStringConvertible {
    public var all: [SettingError]

    init(all: [SettingError]) { self.all = all }
    init(_ description: String) { all = [SettingError(description: description)] }

    public var description: String { all.map(\.description).joined(separator: "\n") }
}

/// The JSON values that a setting may have in the file; swift-configuration would take others for none, or for numbers.
private enum FileValue: Decodable {
    case value

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if (try? container.decode(String.self)) != nil { self = .value; return }
        if (try? container.decode(Int.self)) != nil { self = .value; return }
        if (try? container.decode([String].self)) != nil { self = .value; return }
        throw DecodingError.dataCorruptedError(
            in: container, debugDescription: "must be a text, a whole number or a list of texts")
    }
}

extension DecodingError {
    fileprivate var reason: String {
        switch self {
        case .dataCorrupted(let context), .typeMismatch(_, let context), .valueNotFound(_, let context),
            .keyNotFound(_, let context):
            guard let key = context.codingPath.first?.stringValue else { return "not a JSON object of settings" }
            return "\"\(key)\" \(context.debugDescription)"
        @unknown default: return "not a JSON object of settings"
        }
    }
}
