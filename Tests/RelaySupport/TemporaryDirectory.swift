public import Foundation

/// A directory that goes with its last reference.
public final class TemporaryDirectory: Sendable {
    public let url: URL

    public init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("mlsrelay-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
    }

    public var path: String { url.path }

    deinit { try? FileManager.default.removeItem(at: url) }  // a leftover is the system's to clean
}
