import Foundation
import TestSupport
import Testing

/// How often memory is asked for, libcrypto's share included: a way to notice when a hot path comes to do more.
@Suite("Allocations", .timeLimit(.minutes(2)))
struct AllocationTests {
    private struct Row: Decodable {
        let row: String
        let suite: Int
        let measured: Double
    }

    /// With OpenSSL 3.0; each is what was counted when it was last made less.
    #if DEBUG
        private static let thresholds: [Int: [String: Double]] = [
            1: ["allocations of a protect": 69, "allocations of an unprotect": 52],
            2: ["allocations of a protect": 107, "allocations of an unprotect": 133],
        ]
    #else
        private static let thresholds: [Int: [String: Double]] = [
            1: ["allocations of a protect": 23, "allocations of an unprotect": 51],
            2: ["allocations of a protect": 61, "allocations of an unprotect": 132],
        ]
    #endif

    @Test("a message is protected and unprotected with no more allocations than it was", arguments: [1, 2])
    func messages(suite: Int) async throws {
        let output = try await onThread {
            let bench = try ToolProcess(
                "mls-bench", ["--json", "--suite", "\(suite)", "--only", "allocations of"])
            #expect(try bench.wait() == 0, "\(bench.errors)")
            return bench.output
        }
        let rows = try output.split(separator: "\n").map { try JSONDecoder().decode(Row.self, from: Data($0.utf8)) }
        for (name, threshold) in try #require(Self.thresholds[suite]) {
            let row = try #require(rows.first { $0.row == name && $0.suite == suite })
            #expect(row.measured <= threshold, "\(name), suite \(suite)")
        }
    }
}
