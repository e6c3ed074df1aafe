public import Foundation
import TLSPresentation

/// The official test vectors, which lie outside of the package.
///
/// A missing folder or file is an error, so that a test that needs one fails; it never passes by skipping.
public enum Vectors {
    public struct Missing: Error, CustomStringConvertible {
        public let description: String

        public init(description: String) { self.description = description }
    }

    /// `MLS_TEST_VECTORS`, or else `shared/vectors/mls` beside the package.
    public static var directory: URL {
        if let path = ProcessInfo.processInfo.environment["MLS_TEST_VECTORS"] {
            return URL(fileURLWithPath: path, isDirectory: true)
        }
        // This file is <package>/Tests/Support/Vectors.swift.
        var package = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { package.deleteLastPathComponent() }
        return package.deletingLastPathComponent().appendingPathComponent("shared/vectors/mls", isDirectory: true)
    }

    /// The cases of the file `name`, such as "messages.json"; a file holds at least one.
    public static func load<Case: Decodable>(_ name: String, of type: Case.Type = Case.self) throws -> [Case] {
        let file = directory.appendingPathComponent(name)
        guard let data = FileManager.default.contents(atPath: file.path) else {
            throw Missing(description: "no test vectors at \(file.path): set MLS_TEST_VECTORS to their folder")
        }
        let cases = try JSONDecoder().decode([Case].self, from: data)
        guard !cases.isEmpty else { throw Missing(description: "\(file.path) holds no cases") }
        return cases
    }
}

/// Bytes that a vector file writes as a string of hexadecimal digits.
public struct Hex: Decodable, Hashable, Sendable {
    public let bytes: [UInt8]

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let bytes = try [UInt8](hex: container.decode(String.self)) else {
            throw Swift.DecodingError.dataCorruptedError(in: container, debugDescription: "not hexadecimal")
        }
        self.bytes = bytes
    }
}

extension Vectors {
    /// The names of all vector files, those in folders below too; at least one.
    public static func files() throws -> [String] {
        let root = directory.standardizedFileURL.path
        let names = (FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? [])
            .filter { $0.hasSuffix(".json") }.sorted()
        guard !names.isEmpty else {
            throw Missing(description: "no test vectors below \(root): set MLS_TEST_VECTORS to their folder")
        }
        return names
    }
}
