import ClientStore
import Foundation
import MLSCrypto
import TLSPresentation
import Testing

@Suite("ClientStore")
struct ClientStoreTests {
    let directory = TestDirectory()
    let first = TestDirectory.first
    let second = TestDirectory.second

    @Test(
        "what was written is read, in the same transaction, in the next, and by the next store",
        arguments: [false, true])
    func roundTrip(isDurable: Bool) throws {
        let large = randomBytes(100_000)
        do {
            let store = try directory.open(isDurable: isDurable)
            try store.write { (transaction) throws in
                try transaction.put(first, [1], [10])
                try transaction.put(second, [1], large)
                try transaction.put(first, [2], [])
                #expect(try transaction.bytes(first, [1]) == [10])
                try transaction.put(first, [1], [11])
                #expect(try transaction.bytes(first, [1]) == [11])
            }
            #expect(try store.read { try $0.bytes(second, [1]) } == large)
        }
        let store = try directory.open()
        try store.read { (transaction) throws in
            #expect(try transaction.bytes(first, [1]) == [11])
            #expect(try transaction.bytes(first, [2]) == [])
            #expect(try transaction.bytes(first, [3]) == nil)
            #expect(try transaction.bytes(second, [1]) == large)
        }
    }

    @Test("what is deleted is gone, and it is told whether there was something")
    func deleting() throws {
        let store = try directory.open()
        try store.write { (transaction) throws in
            try transaction.put(first, [1], [1])
            try transaction.put(second, [1], [2])
            #expect(try transaction.delete(first, [1]))
            #expect(try !transaction.delete(first, [1]))
            #expect(try transaction.bytes(first, [1]) == nil)
        }
        #expect(try store.read { try $0.bytes(first, [1]) } == nil)
        #expect(try store.read { try $0.bytes(second, [1]) } == [2])
    }

    @Test("values of the presentation language come back; what is none is damage")
    func values() throws {
        let store = try directory.open()
        try store.write { (transaction) throws in
            try transaction.encode(UInt32(7), first, [1])
            #expect(try transaction.decode(first, [1]) == UInt32(7))
            #expect(try transaction.decode(UInt32.self, first, [2]) == nil)
            #expect(throws: ClientStoreError.self) { try transaction.decode(UInt64.self, first, [1]) }
            #expect(throws: ClientStoreError.self) { try transaction.decode(UInt16.self, first, [1]) }
        }
    }

    // MARK: Transactions

    struct Stop: Error {}

    @Test("where the body throws, it is that error, and nothing was written")
    func throwing() throws {
        let store = try directory.open()
        try store.write { try $0.put(first, [1], [1]) }
        #expect(throws: Stop.self) {
            try store.write { (transaction) throws in
                try transaction.put(first, [1], [2])
                try transaction.put(first, [2], [2])
                try transaction.deleteAll(first, prefix: [])
                throw Stop()
            }
        }
        #expect(throws: Stop.self) { try store.read { _ in throw Stop() } }
        #expect(try store.read { try $0.keys(first, prefix: []) } == [[1]])
        #expect(try store.read { try $0.bytes(first, [1]) } == [1])
        // And it goes on.
        try store.write { try $0.put(first, [1], [3]) }
        #expect(try store.read { try $0.bytes(first, [1]) } == [3])
    }

    @Test(
        "a fault before the commit leaves nothing of the write, one after it leaves all", arguments: [false, true])
    func faults(isCommitted: Bool) throws {
        let fault = Fault()
        do {
            let store = try directory.open { fault.answer($0) }
            try store.write { try $0.put(first, [1], [1]) }
            fault.arm(isCommitted)
            #expect(throws: ClientStoreError.interrupted) { try store.write { try $0.put(first, [1], [2]) } }
            fault.arm(nil)
            #expect(try store.read { try $0.bytes(first, [1]) } == (isCommitted ? [2] : [1]))
        }
        let store = try directory.open()
        #expect(try store.read { try $0.bytes(first, [1]) } == (isCommitted ? [2] : [1]))
    }

    @Test("a full store says so, nothing of the write remains, and there is room once something is deleted")
    func full() throws {
        let store = try directory.open(maxByteCount: 1 << 20)
        try store.write { try $0.put(first, [1], [1]) }
        #expect(throws: ClientStoreError.full) {
            try store.write { (transaction) throws in
                try transaction.put(first, [1], [2])
                for number in UInt8(2)...200 { try transaction.put(first, [number], randomBytes(10_000)) }
            }
        }
        #expect(try store.read { try $0.keys(first, prefix: []) } == [[1]])
        #expect(try store.read { try $0.bytes(first, [1]) } == [1])
        try store.write { try $0.put(first, [1], randomBytes(10_000)) }
    }

    @Test("a key has 1 to 511 bytes")
    func keys() throws {
        let store = try directory.open()
        let longest = [UInt8](repeating: 7, count: 511)
        try store.write { try $0.put(first, longest, [1]) }
        #expect(try store.read { try $0.bytes(first, longest) } == [1])
        for key in [[], longest + [7]] {
            #expect(throws: ClientStoreError.self) { try store.write { try $0.put(first, key, [1]) } }
            #expect(throws: ClientStoreError.self) { try store.write { try $0.delete(first, key) } }
            #expect(throws: ClientStoreError.self) { try store.read { try $0.get(first, key) == nil } }
        }
        #expect(try store.read { try $0.keys(first, prefix: []) } == [longest])
    }

    @Test("tables may come later, and others be left out")
    func tables() throws {
        do {
            let store = try directory.open([first])
            try store.write { try $0.put(first, [1], [1]) }
        }
        do {
            let store = try directory.open([second])
            try store.write { try $0.put(second, [1], [2]) }
        }
        let store = try directory.open()
        #expect(try store.read { try $0.bytes(first, [1]) } == [1])
        #expect(try store.read { try $0.bytes(second, [1]) } == [2])
    }

    // MARK: Opening and closing

    @Test("one store at a time has a directory, whether it is closed or let go")
    func locking() throws {
        do {
            let store = try directory.open()
            #expect(throws: ClientStoreError.inUse) { try directory.open() }
            store.close()
            store.close()
        }
        do {
            let store = try directory.open()
            #expect(throws: ClientStoreError.inUse) { try directory.open() }
            try store.write { try $0.put(first, [1], [1]) }
        }
        _ = try directory.open()
    }

    @Test("a closed store throws, and does not end the process")
    func closed() throws {
        let store = try directory.open()
        store.close()
        let error = ClientStoreError.failed(call: "a closed store", code: EBADF)
        #expect(throws: error) { try store.read { _ in } }
        #expect(throws: error) { try store.write { _ in } }
    }

    @Test("another key is the wrong key, at once, and the right one is right afterwards")
    func wrongKey() throws {
        do {
            let store = try directory.open()
            try store.write { try $0.put(first, [1], [1]) }
        }
        #expect(throws: ClientStoreError.keyWrong) { try directory.open(key: TestDirectory.anyKey()) }
        let store = try directory.open()
        #expect(try store.read { try $0.bytes(first, [1]) } == [1])
    }

    @Test("the directory and its files are for their owner alone, and values are encrypted in them")
    func atRest() throws {
        let secret = Array("a sentence that nobody else is to read".utf8)
        let store = try directory.open()
        try store.write { try $0.put(first, [1], secret) }
        store.close()
        #expect(try directory.permissions() == 0o700)
        for file in try FileManager.default.contentsOfDirectory(atPath: directory.path) {
            #expect(try directory.permissions(of: file) == 0o600)
            let contents = try Data(directory.contents(of: file))
            #expect(contents.range(of: Data(secret)) == nil)
            #expect(contents.range(of: Data(secret.prefix(8))) == nil)
        }
        // What is looked for would be found: the name of a table is not secret.
        #expect(try Data(directory.contents()).range(of: Data("first".utf8)) != nil)
    }

    @Test("what cannot be a directory is an error of the system's")
    func unusable() throws {
        #expect(FileManager.default.createFile(atPath: directory.path, contents: nil))
        #expect(throws: ClientStoreError.failed(call: "open client.lock", code: ENOTDIR)) { try directory.open() }
        let inside = TestDirectory()
        #expect(throws: ClientStoreError.failed(call: "mkdir \(inside.path)/a/b", code: ENOENT)) {
            try ClientStore(directory: inside.path + "/a/b", key: inside.key, tables: [])
        }
    }

    @Test("a transaction that was kept, a write in a read and one inside of another end the process")
    func misuse() async {
        await #expect(processExitsWith: .failure) {
            let directory = TestDirectory()
            let store = try directory.openAndUnlink()
            try store.read { try $0.put(TestDirectory.first, [1], [1]) }
        }
        await #expect(processExitsWith: .failure) {
            let directory = TestDirectory()
            let store = try directory.openAndUnlink()
            try store.write { _ in try store.read { _ in } }
        }
        await #expect(processExitsWith: .failure) {
            let directory = TestDirectory()
            let store = try directory.openAndUnlink()
            let kept = try store.read { $0 }
            _ = try kept.get(TestDirectory.first, [1])
        }
    }
}
