import ArgumentParser
import RelaySettings

/// The options of one section of the settings.
///
/// swift-argument-parser finds a type's options by its mirror and fills them by decoding; both are made of the table here, so
/// that a setting is written down once.
struct SettingOptions<Section: SettingSection>: ParsableArguments, CustomReflectable {
    /// What was given, by the settings' names.
    private(set) var values: [String: [String]] = [:]

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: NameKey.self)
        for setting in Section.settings {
            let key = NameKey(stringValue: setting.name)
            if setting.isList {
                let texts = try container.decode(Option<[String]>.self, forKey: key).wrappedValue
                if !texts.isEmpty { values[setting.name] = texts }
            } else if let text = try container.decode(Option<String?>.self, forKey: key).wrappedValue {
                values[setting.name] = [text]
            }
        }
    }

    var customMirror: Mirror {
        // The underscore is what a property wrapper's storage has.
        Mirror(self, children: Section.settings.map { ("_" + $0.name, Self.option($0)) })
    }

    private static func option(_ setting: Setting) -> Any {
        let defaultText = setting.defaultText.map { " (default: \($0))" } ?? ""
        let help = ArgumentHelp("\(setting.help)\(defaultText)", valueName: setting.placeholder)
        return setting.isList
            ? Option<[String]>(wrappedValue: [], name: .customLong(setting.name), help: help) as Any
            : Option<String?>(name: .customLong(setting.name), help: help)
    }

    private struct NameKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
