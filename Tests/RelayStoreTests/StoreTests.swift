import Foundation
import MLSCrypto
import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import TestSupport
import Testing

@testable import RelayStore

@Suite("Store", .serialized)
struct StoreTests {
    let directory: TemporaryDirectory
    init() throws { directory = try TemporaryDirectory() }

    // MARK: Opening

    @Test("a second relay on the same directory is refused, and may open it when the first is gone")
    func lock() throws {
        var first: Store? = try Store(directory.path, access: .relay, configuration: .forTests)
        #expect(throws: StoreError.inUse(directory: directory.path)) {
            _ = try Store(directory.path, access: .relay, configuration: .forTests)
        }
        #expect(first != nil)
        first = nil
        _ = try Store(directory.path, access: .relay, configuration: .forTests)
    }

    @Test("the lock goes with the store, also while a child that was forked meanwhile still has the file open")
    func lockAndFork() throws {
        var store: Store? = try Store(directory.path, access: .relay, configuration: .forTests)
        let file = try #require(
            (0..<1024).first { descriptor in
                let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
                return path == directory.path + "/relay.lock"
            })
        let inherited = dup(Int32(file))
        #expect(store != nil)
        store = nil
        _ = try Store(directory.path, access: .relay, configuration: .forTests)
        close(inherited)
    }

    @Test(
        "a store of a format that is not known is refused, to read and to write, and not touched",
        arguments: [0, Store.format - 1, Store.format + 1, UInt32.max])
    func format(_ format: UInt32) throws {
        _ = try Store(directory.path, access: .relay, configuration: .forTests)
        let raw = RawStore(directory: directory.path)
        try raw.put(.meta, Array("format".utf8), format.encoded)
        for access in [Store.Access.relay, .inspector] {
            #expect(throws: StoreError.formatUnknown(format)) {
                _ = try Store(directory.path, access: access, configuration: .forTests)
            }
        }
        try raw.put(.meta, Array("format".utf8), Store.format.encoded)
        _ = try Store(directory.path, access: .relay, configuration: .forTests)
    }

    @Test("a format that is no number is damage, not a crash")
    func formatDamaged() throws {
        _ = try Store(directory.path, access: .relay, configuration: .forTests)
        try RawStore(directory: directory.path).put(.meta, Array("format".utf8), [1])
        #expect(throws: StoreError.corrupted("the format is not a number")) {
            _ = try Store(directory.path, access: .relay, configuration: .forTests)
        }
    }

    @Test("an inspector finds nothing where there is no store, and makes none")
    func missing() throws {
        for path in [directory.path, directory.path + "/nowhere"] {
            #expect(throws: StoreError.missing(directory: path)) { _ = try Store(path, access: .inspector) }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == [])
        // An LMDB file of something else.
        try RawStore(directory: directory.path).write { _ in }
        #expect(throws: StoreError.missing(directory: directory.path)) {
            _ = try Store(directory.path, access: .inspector)
        }
    }

    @Test("a file that is none of LMDB's is damage, not a crash")
    func garbage() throws {
        try Data(repeating: 0x5a, count: 1 << 16).write(to: URL(fileURLWithPath: directory.path + "/data.mdb"))
        for access in [Store.Access.relay, .inspector] {
            #expect(throws: StoreError.self) { _ = try Store(directory.path, access: access, configuration: .forTests) }
        }
    }

    @Test("a directory that cannot be made says so")
    func unmakeable() throws {
        #expect(throws: StoreError.self) { _ = try Store(directory.path + "/a/b", access: .relay) }
    }

    // MARK: Room

    @Test(
        "a full store refuses with `full`, loses nothing, reads on, and goes on with more room", .timeLimit(.minutes(1))
    )
    func full() throws {
        var configuration = StoreConfiguration.forTests
        configuration.maxByteCount = 1 << 20
        let relay = try TestRelay(.store, in: directory, configuration: configuration)
        let alice = try relay.register("alice")
        let log = try relay.createGroup("g", by: alice)
        let text = String(repeating: "x", count: 15_000)
        var count = 0
        var receipts: [Receipt] = []
        let full = #expect(throws: StoreError.self) {
            while count < 10_000 {
                receipts = try relay.publish(.application("\(count) \(text)", "g", 0), by: alice)
                count += 1
            }
        }
        #expect(full == .full)
        #expect(count > 20)
        for _ in 0..<3 {
            #expect(throws: StoreError.full) {
                try relay.publish(.commit(text, "g", 0), .application(text, "g", 1), by: alice)
            }
        }
        // What was answered is there, and can be published again.
        #expect(try relay.entries(of: log).count == count)
        #expect(try relay.state.heads[log]?.epoch == 0)
        #expect(try relay.state.brokenInvariants == [])
        #expect(try relay.publish(.application("\(count - 1) \(text)", "g", 0), by: alice) == receipts)

        configuration.maxByteCount = 16 << 20
        try relay.reopen(configuration: configuration)
        #expect(try relay.publish(.commit("c", "g", 0), by: alice)[0].sequenceNumber.rawValue == UInt64(count) + 1)
        #expect(try relay.entries(of: log).count == count + 1)
        #expect(try relay.state.brokenInvariants == [])
    }

    @Test("a store opened with less room than it needs opens, and refuses what it has no room for")
    func lessRoom() throws {
        let relay = try TestRelay(.store, in: directory)
        let alice = try relay.register("alice")
        let log = try relay.createGroup("g", by: alice)
        let text = String(repeating: "x", count: 60_000)
        for index in 0..<50 { try relay.publish(.application("\(index) \(text)", "g", 0), by: alice) }
        var configuration = StoreConfiguration.forTests
        configuration.maxByteCount = 1 << 20
        // Opening writes too, so that the refusal may come there.
        #expect(throws: StoreError.full) {
            try relay.reopen(configuration: configuration)
            for index in 0..<50 { try relay.publish(.application("more \(index) \(text)", "g", 0), by: alice) }
        }
        try relay.reopen()
        #expect(try relay.entries(of: log).count >= 50)
    }

    // MARK: Reading

    @Test("what is stored of an entry is the frame that subscribers receive")
    func frames() throws {
        let relay = try TestRelay(.store, in: directory)
        let alice = try relay.register("alice")
        let log = try relay.createGroup("g", by: alice)
        // Payloads on both sides of the edges of the frame's length: 1, 2 and 4 bytes, and of LMDB's overflow pages.
        let lengths = [0, 1, 10, 11, 12, 13, 100, 1900, 2100, 4096, 16_200, 16_300, 16_384, 70_000]
        for length in lengths {
            try relay.publish(.application(String(repeating: "x", count: length), "g", 0), by: alice)
        }
        let entries = try relay.entries(of: log)
        let reader = try StoreReader(relay.store)
        var frames: [[UInt8]] = []
        try reader.read { snapshot throws(StoreError) in
            try snapshot.forEachFrame(in: log, after: .zero, through: .unlimited) { number, frame in
                #expect(number.rawValue == UInt64(frames.count) + 1)
                frames.append(Array(frame))
                return true
            }
        }
        #expect(frames.count == lengths.count)
        for (entry, frame) in zip(entries, frames) {
            #expect(frame == EntryFrame(entry).frame(.none))
        }
    }

    @Test("frames are read behind a cursor, up to the last that is wanted, or until the reader has enough")
    func ranges() throws {
        let relay = try TestRelay(.store, in: directory)
        let alice = try relay.register("alice")
        // Logs on both sides, so that a range that ran over would be seen.
        let logs = try ["f", "g", "h"].map { try relay.createGroup($0, by: alice) }
        for index in 0..<5 {
            for group in ["f", "g", "h"] { try relay.publish(.application("\(index)", group, 0), by: alice) }
        }
        let reader = try StoreReader(relay.store)
        func numbers(after: SequenceNumber, through last: SequenceNumber, limit: Int = .max) throws -> [UInt64] {
            var numbers: [UInt64] = []
            try reader.read { snapshot throws(StoreError) in
                try snapshot.forEachFrame(in: logs[1], after: after, through: last) { number, _ in
                    numbers.append(number.rawValue)
                    return numbers.count < limit
                }
            }
            return numbers
        }
        #expect(try numbers(after: 0, through: .unlimited) == [1, 2, 3, 4, 5])
        #expect(try numbers(after: 2, through: 4) == [3, 4])
        #expect(try numbers(after: 2, through: 3) == [3])
        #expect(try numbers(after: 3, through: 3) == [])
        #expect(try numbers(after: 4, through: 2) == [])
        #expect(try numbers(after: 5, through: .unlimited) == [])
        #expect(try numbers(after: .unlimited, through: .unlimited) == [])
        #expect(try numbers(after: 0, through: .unlimited, limit: 2) == [1, 2])
    }

    @Test("a snapshot does not change while it is read, and the next one has what was written")
    func isolation() throws {
        let relay = try TestRelay(.store, in: directory)
        let alice = try relay.register("alice")
        let log = try relay.createGroup("g", by: alice)
        let reader = try StoreReader(relay.store)
        try reader.read { snapshot throws(StoreError) in
            let before = try snapshot.head(of: log)
            do { try relay.publish(.application("a", "g", 0), by: alice) } catch { Issue.record(error) }
            #expect(try snapshot.head(of: log) == before)
            #expect(try snapshot.entry(1, in: log) == nil)
        }
        try reader.read { snapshot throws(StoreError) in #expect(try snapshot.entry(1, in: log) != nil) }
    }

    @Test("commit says which logs have changed, with their heads")
    func changedHeads() throws {
        let relay = try TestRelay(.store, in: directory)
        let alice = try relay.register("alice")
        _ = try relay.createGroup("g", by: alice)
        let log = try relay.createGroup("h", by: alice)
        let directoryPath = relay.store.directory
        let writer = StoreWriter(relay.store)
        var core = Relay(writer, limits: CoreLimits())
        var batch = CommandBatch()
        batch.add(TestCommand(.publish([.commit("c", "h", 0), .application("a", "h", 1)]), by: alice))
        try writer.begin()
        var receipts: [Receipt] = []
        _ = try core.apply(batch.commands[0], in: batch, at: relay.now, receipts: &receipts)
        let changed = try writer.commit()
        #expect(changed.map(\.number) == [log])
        #expect(changed[0].last == 2)
        #expect(changed[0].epoch == 1)
        #expect(changed[0].chain == receipts[1].chain)
        try writer.begin()
        #expect(try writer.commit() == [])
        #expect(directoryPath == directory.path)
    }

    @Test("readers are counted over what is open, and say what they hold")
    func readers() throws {
        let store = try Store(directory.path, access: .relay, configuration: .forTests)
        #expect(try store.readers == [])
        let reader = try StoreReader(store)
        #expect(try store.readers == [Store.OpenReader(process: getpid(), transaction: nil)])
        try reader.read { _ throws(StoreError) in
            #expect(try store.readers.map { $0.transaction } == [store.size.transaction])
        }
        try store.releaseDeadReaders()
        #expect(try store.readers.count == 1)
    }

    // MARK: Backup

    @Test("a backup is a whole store of one moment, and never overwrites one (N-13)")
    func backUp() throws {
        let relay = try TestRelay(.store, in: directory)
        let alice = try relay.register("alice")
        _ = try relay.createGroup("g", by: alice)
        for index in 0..<50 { try relay.publish(.application("\(index)", "g", 0), by: alice) }
        let target = directory.path + "/copy"
        try relay.store.backUp(to: target)
        let copied = try relay.state
        try relay.publish(.application("after", "g", 0), by: alice)
        #expect(throws: StoreError.exists(directory: target)) { try relay.store.backUp(to: target) }
        let copy = try Store(target, access: .inspector)
        let reader = try StoreReader(copy)
        let contents = try reader.read { (snapshot) throws(StoreError) in
            try MemoryState(contentsOf: snapshot, duplicateWindow: 10_000)
        }
        #expect(contents == copied)
        #expect(throws: StoreError.self) { try relay.store.backUp(to: directory.path + "/no/such") }
    }

    // MARK: Damage

    @Test("a stored value that is cut short is damage, not a crash")
    func truncated() throws {
        let relay = try TestRelay(.store, in: directory)
        let alice = try relay.register("alice")
        let log = try relay.createGroup("g", by: alice).rawValue
        try relay.publish(.commit("c", "g", 0), .groupInfo("i", "g", 1), .keyPackage("k"), by: alice)
        try relay.acknowledge(LogNumber(rawValue: log), 1, by: alice)
        let package = TestMessage.keyPackage("k")
        let values: [(RawStore.Table, [UInt8])] = [
            (.heads, key(log)), (.names, key(log)), (.logs, [1] + Array("g".utf8)), (.commits, key(log, 0)),
            (.clients, key(1)), (.userNames, Array("alice".utf8)), (.keyPackageRefs, package.reference),
            (.acknowledged, key(log, 1)), (.entries, key(log, 1)),
        ]
        try relay.reopen()
        _ = try relay.state
        for (table, key) in values {
            for length in [0, 1, 7] {
                let copy = directory.path + "/\(table)-\(length)"
                try relay.store.backUp(to: copy)
                try RawStore(directory: copy).change(table, key) { $0 = Array($0.prefix(min(length, $0.count - 1))) }
                let store = try Store(copy, access: .inspector)
                let reader = try StoreReader(store)
                let isCorrupted: Bool
                do throws(StoreError) {
                    try reader.read { (snapshot) throws(StoreError) in
                        _ = try MemoryState(contentsOf: snapshot, duplicateWindow: 10_000)
                        let groupID = Array("g".utf8)
                        _ = try snapshot.log(.group, named: groupID.rawSpan)
                        if let user = try snapshot.user(named: Array("alice".utf8)) {
                            _ = try snapshot.clients(of: user)
                        }
                        _ = try snapshot.keyPackage(package.reference)
                    }
                    isCorrupted = false
                } catch {
                    guard case .corrupted = error else { throw error }
                    isCorrupted = true
                }
                // A name may be shorter: only Verify knows that it was longer.
                #expect(isCorrupted || (table.name == "names" && length > 0), "\(table) of \(length) bytes")
            }
        }
    }
}
