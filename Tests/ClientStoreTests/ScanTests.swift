import ClientStore
import MLSCrypto
import TLSPresentation
import TestSupport
import Testing

@Suite("ClientStore: order")
struct ScanTests {
    let directory = TestDirectory()
    let table = TestDirectory.first

    /// What a scan gives, the obvious way.
    private func expected(
        _ keys: [[UInt8]], prefix: [UInt8], after: [UInt8]?, before: [UInt8]?, isReversed: Bool, limit: Int
    ) -> [[UInt8]] {
        let sorted = keys.sorted { $0.lexicographicallyPrecedes($1) }
        let found = sorted.filter { key in
            key.starts(with: prefix) && after.map { $0.lexicographicallyPrecedes(key) } ?? true
                && before.map { key.lexicographicallyPrecedes($0) } ?? true
        }
        return Array((isReversed ? found.reversed() : found).prefix(limit))
    }

    /// All keys of up to three bytes of these.
    static let keys: [[UInt8]] = {
        let bytes: [UInt8] = [0, 1, 254, 255]
        let two = bytes.flatMap { first in bytes.map { [first, $0] } }
        return bytes.map { [$0] } + two + two.flatMap { two in bytes.map { two + [$0] } }
    }()

    @Test("a scan gives what filtering and sorting gives, for all prefixes, ends and limits")
    func scans() throws {
        let store = try directory.open()
        // Some are missing, so that ends are not always there.
        let present = Self.keys.enumerated().filter { $0.offset % 3 != 1 }.map(\.element)
        try store.write { transaction in for key in present.reversed() { try transaction.put(table, key, key + [9]) } }
        let ends: [[UInt8]?] = [
            nil, [], [0], [0, 255], [1], [1, 254, 255], [254, 1], [255], [255, 255, 255], [255, 255, 255, 0],
        ]
        try store.read { (transaction) throws in
            for prefix in [[], [0], [1], [254, 255], [255], [255, 255], [7]] as [[UInt8]] {
                for after in ends {
                    for before in ends {
                        for isReversed in [false, true] {
                            for limit in [0, 1, 5, .max] {
                                let expected = expected(
                                    present, prefix: prefix, after: after, before: before, isReversed: isReversed,
                                    limit: limit)
                                let keys = try transaction.keys(
                                    table, prefix: prefix, after: after, before: before, isReversed: isReversed,
                                    limit: limit)
                                #expect(keys == expected)
                                guard limit == 5 else { continue }
                                let found = try transaction.scan(
                                    table, prefix: prefix, after: after, before: before, isReversed: isReversed,
                                    limit: limit)
                                #expect(found.map(\.key) == expected)
                                #expect(found.map { [UInt8]($0.value.bytes) } == expected.map { $0 + [9] })
                            }
                        }
                    }
                }
            }
        }
    }

    @Test(
        "all keys with a prefix are deleted, and no others",
        arguments: [[], [0], [1], [254, 255], [255], [255, 255], [7]])
    func deletingAll(prefix: [UInt8]) throws {
        let store = try directory.open()
        try store.write { transaction in for key in Self.keys { try transaction.put(table, key, key) } }
        try store.write { try $0.deleteAll(table, prefix: prefix) }
        let left = expected(
            Self.keys.filter { !$0.starts(with: prefix) }, prefix: [], after: nil, before: nil, isReversed: false,
            limit: .max)
        #expect(try store.read { try $0.keys(table, prefix: []) } == left)
    }

    @Test("many records are scanned and deleted over many pages")
    func many() throws {
        let store = try directory.open()
        let count = UInt32(5000)
        try store.write { (transaction) throws in
            for number in 0..<count { try transaction.put(table, number.encoded, randomBytes(100)) }
        }
        try store.read { (transaction) throws in
            #expect(try transaction.keys(table, prefix: []) == (0..<count).map(\.encoded))
            let backwards = try transaction.scan(table, prefix: [], before: UInt32(3000).encoded, isReversed: true)
            #expect(backwards.map(\.key) == (0..<3000).reversed().map { UInt32($0).encoded })
        }
        try store.write { try $0.deleteAll(table, prefix: [0, 0, 7]) }
        #expect(try store.read { try $0.keys(table, prefix: []) }.count == Int(count) - 256)
    }

    @Test("an empty table has nothing")
    func empty() throws {
        let store = try directory.open()
        try store.write { (transaction) throws in
            try transaction.deleteAll(table, prefix: [])
            for isReversed in [false, true] {
                #expect(try transaction.keys(table, prefix: [], isReversed: isReversed) == [])
                #expect(try transaction.keys(table, prefix: [1], isReversed: isReversed) == [])
            }
        }
    }
}
