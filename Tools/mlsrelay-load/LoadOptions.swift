import ArgumentParser
import ClientTransport

/// What all scenarios take.
struct LoadOptions: ParsableArguments {
    @Argument(
        help:
            "The relay: ws://, wss://, tcp:// or tls://host:port. An address of 127.0.0.0/8 or ::1, see --allow-remote."
    )
    var url: String

    @Option(help: "Process id of the relay: tells of its processor time and memory, where it runs on this machine.")
    var pid: Int32?

    @Option(help: ArgumentHelp("Trust the certificates in this PEM file, for wss and tls.", valueName: "file"))
    var ca: String?

    @Flag(help: "Trust any certificate, for wss and tls.")
    var insecure = false

    @Flag(
        help: """
            Load a relay that is not on this machine, or is given by name. What this does to a relay that others \
            use, and to the network in between, is up to you: ask whose they are first.
            """)
    var allowRemote = false

    @Option(help: "How long to measure, in seconds.")
    var seconds = 10.0

    @Option(help: "Bytes of a message's ciphertext, 12 to 1,000,000.")
    var size = 512

    @Option(help: "Connections that are being connected at the same time.")
    var connecting = 256

    @Flag(help: "Compute the hash chain of everything that is delivered, and compare: 1 µs for each delivery.")
    var verifyChain = false

    @Option(help: "Give up after so many seconds in all; 0 for 60 more than it should take.")
    var timeout = 0.0

    @Flag(inversion: .prefixedNo, help: "Say once a second how it goes; by default where standard error is a terminal.")
    var progress: Bool?

    mutating func validate() throws {
        let url = try parsedURL()
        guard allowRemote || Target.loopback(of: url.host) != nil else {
            throw ValidationError(
                "\(url.host) is not an address of 127.0.0.0/8 nor ::1; --allow-remote loads it anyway")
        }
        guard ca == nil || !insecure else { throw ValidationError("--ca and --insecure exclude each other") }
        guard (0.01...3600).contains(seconds) else { throw ValidationError("--seconds is from 0.01 to 3600") }
        guard (0...7200).contains(timeout) else { throw ValidationError("--timeout is from 0 to 7200") }
        guard (MessageTemplate.stampByteCount...1_000_000).contains(size) else {
            throw ValidationError("--size is from \(MessageTemplate.stampByteCount) to 1000000")
        }
        guard (1...4096).contains(connecting) else { throw ValidationError("--connecting is from 1 to 4096") }
        if let pid, ProcessProbe(pid: pid) == nil { throw ValidationError("there is no process \(pid)") }
    }

    private func parsedURL() throws -> RelayURL {
        do throws(RelayURL.ParsingError) {
            return try RelayURL(url)
        } catch {
            throw ValidationError("\(error)")
        }
    }

    /// - Parameter otherSeconds: what a scenario takes beside what it measures.
    func target(otherSeconds: Double) throws -> Target {
        var target = Target(url: try parsedURL())
        if target.url.scheme.isSecure {
            target.tls = try TLSClientContext(insecure ? .anybody : ca.map { .file($0) } ?? .system)
        }
        target.timeout = .seconds(timeout > 0 ? timeout : seconds + otherSeconds + 60)
        target.connecting = connecting
        target.verifiesChain = verifyChain
        return target
    }
}

/// Throws unless `value` lies in `range`.
func require<Value>(_ value: Value, in range: ClosedRange<Value>, _ option: String) throws {
    guard range.contains(value) else {
        throw ValidationError("\(option) is from \(range.lowerBound) to \(range.upperBound)")
    }
}
