import RelayCore
import RelayStore
import RelayWire
import TLSPresentation

/// A log as it is named on the command line.
enum LogReference: Equatable {
    case number(LogNumber)
    case inbox(String)
    case keyPackages(String)
    case directory
    case groups
    /// A group's id: in hexadecimal digits, as text, or either.
    case group(hex: [UInt8]?, text: String?)

    static let help = """
        A group id as hexadecimal digits or as text (hex:ID or text:ID where both could be meant), #N for the log with \
        number N, inbox:CLIENT, keypackages:CLIENT, directory, or groups. A CLIENT is NAME, where the user has one, \
        NAME/CLIENT or #N.
        """

    /// Reads what the command line says; nil for what cannot be a log.
    init?(_ argument: String) {
        func rest(_ prefix: String) -> String? {
            argument.hasPrefix(prefix) ? String(argument.dropFirst(prefix.count)) : nil
        }
        if argument.isEmpty { return nil }
        if let digits = rest("#") {
            guard let number = UInt64(digits) else { return nil }
            self = .number(LogNumber(rawValue: number))
        } else if let name = rest("inbox:") {
            self = .inbox(name)
        } else if let name = rest("keypackages:") {
            self = .keyPackages(name)
        } else if argument == "directory" {
            self = .directory
        } else if argument == "groups" {
            self = .groups
        } else if let digits = rest("hex:") {
            guard let bytes = [UInt8](hex: digits) else { return nil }
            self = .group(hex: bytes, text: nil)
        } else if let text = rest("text:") {
            self = .group(hex: nil, text: text)
        } else {
            self = .group(hex: [UInt8](hex: argument), text: argument)
        }
    }

    static func ambiguity(_ argument: String) -> ToolError {
        ToolError(
            "\(argument) is the id of one group as text and of another in hexadecimal digits: "
                + "say text:\(argument) or hex:\(argument)")
    }

    /// What the reference comes to in a store.
    enum Resolution: Equatable {
        case log(LogNumber)
        case unknown(String)
        case ambiguous
    }

    func resolve(in snapshot: borrowing Snapshot) throws(StoreError) -> Resolution {
        switch self {
        case .number(let log):
            return try snapshot.name(of: log) == nil ? .unknown("there is no log \(log)") : .log(log)
        case .inbox(let name): return try Self.log(of: name, in: snapshot) { .inbox(of: $0) }
        case .keyPackages(let name): return try Self.log(of: name, in: snapshot) { .keyPackages(of: $0) }
        case .directory: return try Self.log(.directory, in: snapshot) ?? .unknown("the store has no directory")
        case .groups: return try Self.log(.groups, in: snapshot) ?? .unknown("the store has no log of groups")
        case .group(let hex, let text):
            let found = try [hex, text.map { Array($0.utf8) }].map { (groupID) throws(StoreError) -> Resolution? in
                guard let groupID else { return nil }
                return try Self.log(.group(groupID), in: snapshot)
            }.compactMap { $0 }
            guard let first = found.first else { return .unknown("there is no group \(text ?? hex?.hex ?? "")") }
            return found.allSatisfy { $0 == first } ? first : .ambiguous
        }
    }

    private static func log(_ name: LogName, in snapshot: borrowing Snapshot) throws(StoreError) -> Resolution? {
        try snapshot.log(name.kind, named: name.name.rawSpan).map { .log($0) }
    }

    private static func log(
        of name: String, in snapshot: borrowing Snapshot, _ log: (ClientNumber) -> LogName
    ) throws(StoreError) -> Resolution {
        switch try ClientReference(name).resolve(in: snapshot) {
        case .clients(let clients):
            guard let client = clients.first, clients.count == 1 else {
                return .unknown(try ClientReference.severalClients(name, clients, in: snapshot))
            }
            let log = log(client)
            return try Self.log(log, in: snapshot) ?? .unknown("the store has no \(log)")
        case .unknown(let what): return .unknown(what)
        }
    }
}

extension StoreReader {
    /// The log that an argument names, with its name.
    func log(_ argument: String) throws -> (number: LogNumber, name: LogName) {
        guard let reference = LogReference(argument) else {
            throw ToolError("\(argument) names no log: \(LogReference.help)")
        }
        let (resolution, name) = try read { (snapshot) throws(StoreError) in
            let resolution = try reference.resolve(in: snapshot)
            guard case .log(let log) = resolution else { return (resolution, nil as LogName?) }
            return (resolution, try snapshot.name(of: log))
        }
        switch resolution {
        case .log(let log):
            guard let name else { throw ToolError("log \(log) has no name: see mlsrelay-tool verify") }
            return (log, name)
        case .unknown(let what): throw ToolError(what)
        case .ambiguous:
            throw LogReference.ambiguity(argument)
        }
    }

    /// The group that an argument names, tracked or not.
    func group(_ argument: String) throws -> (log: LogNumber, id: [UInt8]) {
        let (log, name) = try log(argument)
        guard name.kind == .group else { throw ToolError("\(name) is no group") }
        return (log, name.name)
    }

    /// The tracked group that an argument names.
    func trackedGroup(_ argument: String) throws -> (log: LogNumber, record: GroupRecord) {
        let log = try group(argument).log
        guard let record = try read({ (snapshot) throws(StoreError) in try snapshot.get(Tables.groups, log) }) else {
            throw ToolError("\(argument) is an untracked group: the relay knows no members of it")
        }
        return (log, record)
    }
}
