import Foundation
import TestSupport

/// Files of the repository, found from where this one is.
enum Repository {
    struct Missing: Error {
        let path: String
    }

    private static let root: URL = {
        // This file is <repository>/Tests/RelayWireTests/Repository.swift.
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        return root
    }()

    static func data(_ path: String) throws -> Data {
        guard let data = FileManager.default.contents(atPath: root.appendingPathComponent(path).path) else {
            throw Missing(path: path)
        }
        return data
    }

    static func text(_ path: String) throws -> String { String(decoding: try data(path), as: UTF8.self) }

    /// The texts of the Swift files in a folder, by name.
    static func swiftFiles(in folder: String) throws -> [String: String] {
        let names = try FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent(folder).path)
        return try Dictionary(
            uniqueKeysWithValues: names.filter { $0.hasSuffix(".swift") }.map { ($0, try text("\(folder)/\($0)")) })
    }
}

/// A frame of Wire/Vectors/frames.json: with its meaning, or with why it is refused.
struct GoldenFrame: Decodable {
    enum Direction: String, Decodable {
        case client, relay, both
    }

    let name: String
    let direction: Direction
    let hex: Hex
    let meaning: Value?
    /// The fields of an Error's detail.
    let detail: Value?
    /// The decoder's reason, in snake case.
    let error: String?
    /// What a relay answers to a client that sent this.
    let code: String?
    /// The largest body that the receiver takes, where it is not the hard limit.
    let limit: Int?

    var bytes: [UInt8] { hex.bytes }

    static func all() throws -> [GoldenFrame] {
        try JSONDecoder().decode([GoldenFrame].self, from: Repository.data("Wire/Vectors/frames.json"))
    }

    static func good() throws -> [GoldenFrame] { try all().filter { $0.meaning != nil } }
}

/// A structure of Wire/Vectors/structures.json: a payload of an entry, or a detail of an error.
struct GoldenStructure: Decodable {
    let structure: String
    let meaning: Value
    let hex: Hex

    static func all() throws -> [GoldenStructure] {
        try JSONDecoder().decode([GoldenStructure].self, from: Repository.data("Wire/Vectors/structures.json"))
    }
}

/// A log of Wire/Vectors/chain.json.
struct GoldenChain: Decodable {
    struct Link: Decodable {
        let entry: Value
        let payload_hash: Hex
        let entry_tbh: Hex
        let frame: Hex
    }

    let name: String
    let log_name: Value
    let start: Hex
    let entries: [Link]

    static func all() throws -> [GoldenChain] {
        try JSONDecoder().decode([GoldenChain].self, from: Repository.data("Wire/Vectors/chain.json"))
    }
}

/// A signature of Wire/Vectors/authentication.json.
struct GoldenAuthentication: Decodable {
    let name: String
    let structure: String
    let tbs: Value
    let content: Hex
    let sign_content: Hex
    let signature: Hex

    static func all() throws -> [GoldenAuthentication] {
        try JSONDecoder().decode([GoldenAuthentication].self, from: Repository.data("Wire/Vectors/authentication.json"))
    }
}
