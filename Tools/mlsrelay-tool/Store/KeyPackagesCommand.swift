import ArgumentParser
import MLSCodec
import RelayCore
import RelayStore
import RelayWire
import TLSPresentation

struct KeyPackagesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keypackages", abstract: "List the KeyPackages that can be handed out for a client.",
        discussion: "Those that were handed out stand in the log keypackages:CLIENT.")

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: ArgumentHelp(ClientReference.help, valueName: "client"))
    var user: String

    private struct Listed {
        var pooled: PooledKeyPackage
        var time: Timestamp
        var byteCount: Int
        var lifetime: Lifetime?
    }

    func run() throws {
        let reader = try StoreReader(store.open())
        let client = try reader.client(named: user)
        let list = try reader.read { (snapshot) throws(StoreError) in
            var list: [Listed] = []
            guard let log = try snapshot.log(.keyPackages, named: client.encoded.rawSpan) else {
                throw .corrupted("client \(client) has no log of KeyPackages")
            }
            try snapshot.forEachKeyPackage(of: client) { (pooled) throws(StoreError) in
                guard let entry = try snapshot.entry(pooled.sequenceNumber, in: log) else {
                    throw .corrupted("log \(log) has no entry \(pooled.sequenceNumber)")
                }
                list.append(
                    Listed(
                        pooled: pooled, time: entry.header.time, byteCount: entry.payload.count,
                        lifetime: Self.lifetime(of: entry.payload)))
                return true
            }
            return list
        }
        if output.json {
            for listed in list { print(Self.json(listed)) }
            return
        }
        var table = Table([
            .init(title: "SUITE", isCut: true), .init(title: "ENTRY", alignment: .right), .init(title: "PUBLISHED"),
            .init(title: "EXPIRES"), .init(title: "BYTES", alignment: .right), .init(title: "USE"),
            .init(title: "REFERENCE", isCut: true),
        ])
        for line in table.lines(list.map(Self.row)) { print(line) }
    }

    /// The lifetime of a KeyPackage; nil where the message has none, which is for `verify` to say.
    static func lifetime(of message: [UInt8]) -> Lifetime? {
        guard case .keyPackage(let route)? = try? MLSMessageEnvelope(message.rawSpan).payload else { return nil }
        return route.lifetime
    }

    private static func row(_ listed: Listed) -> [String] {
        let expiry = listed.lifetime.map { lifetime in
            lifetime.notAfter > UInt64.max / 1000 ? "never" : Timestamp(rawValue: lifetime.notAfter * 1000).text
        }
        return [
            "\(listed.pooled.cipherSuite)", "\(listed.pooled.sequenceNumber)", listed.time.text, expiry ?? "unknown",
            "\(listed.byteCount)", listed.pooled.isLastResort ? "last resort" : "once", listed.pooled.reference.hex,
        ]
    }

    private static func json(_ listed: Listed) -> JSON {
        [
            "client": .number(listed.pooled.client.rawValue),
            "cipher_suite": .number(UInt64(listed.pooled.cipherSuite.rawValue)),
            "cipher_suite_name": .string("\(listed.pooled.cipherSuite)"),
            "seq": .number(listed.pooled.sequenceNumber.rawValue), "time": .number(listed.time.rawValue),
            "not_before": listed.lifetime.map { .number($0.notBefore) } ?? .null,
            "not_after": listed.lifetime.map { .number($0.notAfter) } ?? .null,
            "byte_count": .number(UInt64(listed.byteCount)), "last_resort": .bool(listed.pooled.isLastResort),
            "reference": .hex(listed.pooled.reference),
        ]
    }
}
