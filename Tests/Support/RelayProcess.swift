import Glibc

/// A running `mlsrelay serve`, as clients see it: ports that the kernel chose, and a data directory.
///
/// It is killed with this object. To try a restart, start another one in the same directory after `end` or `kill`.
public final class RelayProcess: Sendable {
    public let process: ChildProcess
    public let directory: TemporaryDirectory
    /// The URLs where it listens, in the order of `listen`.
    public let urls: [String]

    /// Starts a relay; returns when it listens.
    /// - Parameters:
    ///   - directory: where the data directory is, under the name "data"; a new one without.
    ///   - listen: schemes and addresses; port 0 for any free one.
    ///   - arguments: further options of `mlsrelay serve`.
    public init(
        in directory: TemporaryDirectory? = nil, listen: [String] = ["ws://127.0.0.1:0", "tcp://127.0.0.1:0"],
        arguments: [String] = [], environment: [String: String] = [:]
    ) async throws {
        let directory = try directory ?? TemporaryDirectory()
        let options = listen.flatMap { ["--listen", $0] } + ["--data", directory.path + "/data"] + arguments
        let process = try ChildProcess("mlsrelay", ["serve"] + options, environment: environment)
        self.directory = directory
        self.process = process
        let prefix = "listening on "
        urls = try await process.lines(prefix, count: listen.count).map { String($0.dropFirst(prefix.count)) }
    }

    deinit { process.signal(SIGKILL) }

    /// The port of the first listener with this scheme.
    public func port(_ scheme: String) throws -> UInt16 {
        guard let url = urls.first(where: { $0.hasPrefix(scheme + "://") }), let port = url.split(separator: ":").last.flatMap({ UInt16($0) })
        else { throw ChildProcess.Failure(description: "the relay does not listen on \(scheme)") }
        return port
    }

    /// Asks it to end, and waits until it has.
    @discardableResult
    public func end() async -> ChildProcess.Ending {
        process.signal(SIGTERM)
        return await process.end()
    }

    /// Ends it as a crash would, and waits until it has.
    public func kill() async {
        process.signal(SIGKILL)
        await process.end()
    }
}
