import Foundation
import RelayTestSupport
import RelayWire
import TestSupport

/// The built executable, run as a process.
struct ToolRun {
    var status: Int32
    var output: String
    var errorOutput: String

    /// Lines of standard output.
    var lines: [String] { output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init) }

    /// Objects of standard output, a line each.
    var objects: [[String: Any]] {
        get throws {
            try lines.map { line in
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
            }
        }
    }

    static var path: String { ToolProcess.productDirectory + "/mlsrelay-tool" }

    init(_ arguments: String...) throws { try self.init(arguments) }

    init(_ arguments: [String]) throws { try self.init(ToolProcess(Self.path, arguments)) }

    /// Runs a line of shell, in which `$TOOL` is the tool.
    init(shell: String) throws {
        try self.init(ToolProcess("/bin/sh", ["-c", shell], environment: ["TOOL": Self.path]))
    }

    private init(_ process: ToolProcess) throws {
        status = try process.wait()
        output = process.output
        errorOutput = process.errors
    }
}

/// A relay with three clients and two groups, in a store that is open while the tool reads it.
struct Example {
    let directory: TemporaryDirectory
    let relay: TestRelay

    /// Logs: 1 directory, 2 groups, 3 to 8 inbox and KeyPackages of alice, bob and çarol, 9 the group "choir", 10 the
    /// group of the bytes 00 ff.
    init() throws {
        directory = try TemporaryDirectory(inMemory: true)
        relay = try TestRelay(.store, in: directory)
        relay.now = Timestamp(rawValue: 1_763_690_400_000)
        let alice = try relay.register("alice")
        let bob = try relay.register("bob")
        _ = try relay.register("çarol")
        _ = try relay.createGroup("choir", by: alice)
        _ = try relay.createGroup([0, 0xff], epoch: 7, by: bob)
        let package = TestMessage.keyPackage("0")
        try relay.publish(
            package, .keyPackage("1"), .keyPackage("2", suite: 2), .keyPackage("last", isLastResort: true), by: bob)
        _ = try relay.fetchKeyPackages("bob", by: alice)
        try relay.publish(
            .proposal("p", "choir", 0), .commit("c", "choir", 0), .welcome("w", to: [package.reference]),
            .groupInfo("1", "choir", 1), .application("la", "choir", 1), by: alice)
        try relay.acknowledge(relay.log(.inbox(of: bob)), 0, by: bob)
    }

    var path: String { directory.path }
}
