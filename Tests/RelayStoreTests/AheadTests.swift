import Foundation
import RelayTestSupport
import RelayWire
import TestSupport
import Testing

@testable import RelayStore

@Suite("Writing ahead", .serialized)
struct AheadTests {
    let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory() }

    private func fileByteCount() throws -> Int {
        let file = URL(fileURLWithPath: directory.path + "/data.mdb").path
        return try #require(FileManager.default.attributesOfItem(atPath: file)[.size] as? Int)
    }

    @Test("zeros behind the last page are bounded, and entries written over them are as good as any")
    func zeros() throws {
        var relay: TestRelay? = try TestRelay(.store, in: directory)
        let alice = try #require(try relay?.register("alice"))
        let log = try #require(try relay?.createGroup("g", by: alice))
        for number in 0..<100 { try relay?.publish(.application("\(number)", "g", 0), by: alice) }
        relay = nil

        var configuration = StoreConfiguration.forTests
        configuration.aheadByteCount = 3 << 20
        var store: Store? = try Store(directory.path, access: .relay, configuration: configuration)
        let used = try #require(store?.size.byteCount)
        while store?.writeAhead() == true {}
        // Never more than is in use, however much is allowed.
        #expect(try fileByteCount() == used + min(used, 3 << 20))
        #expect(store?.size.byteCount == used)
        #expect(store?.writeAhead() == false)
        store = nil

        let again = try TestRelay(.store, in: directory)
        for number in 100..<600 { try again.publish(.application("\(number)", "g", 0), by: alice) }
        #expect(try again.entries(of: log).count == 600)
        #expect(try fileByteCount() > used)
        var findings: [Finding] = []
        let inspected = try Store(directory.path, access: .inspector)
        _ = try StoreVerifier(inspected, rowsPerTransaction: 100) { findings.append($0) }.verify()
        #expect(findings.isEmpty)
    }

    @Test("an inspector writes nothing")
    func inspector() throws {
        _ = try TestRelay(.store, in: directory).register("alice")
        let before = try fileByteCount()
        #expect(try Store(directory.path, access: .inspector).writeAhead() == false)
        #expect(try fileByteCount() == before)
    }
}
