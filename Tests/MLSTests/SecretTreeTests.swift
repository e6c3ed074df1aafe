import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation
import TestSupport
import Testing

@Suite("The secret tree (RFC 9420 section 9)")
struct SecretTreeTests {
    struct Case: Decodable {
        struct SenderData: Decodable {
            let sender_data_secret: Hex
            let ciphertext: Hex
            let key: Hex
            let nonce: Hex
        }

        struct Generation: Decodable {
            let generation: UInt32
            let handshake_key: Hex
            let handshake_nonce: Hex
            let application_key: Hex
            let application_nonce: Hex
        }

        let cipher_suite: UInt16
        let sender_data: SenderData
        let encryption_secret: Hex
        let leaves: [[Generation]]
    }

    @Test("official vectors: secret-tree.json")
    func vectors() throws {
        let cases = try Vectors.load("secret-tree.json", of: Case.self)
        #expect(Set(cases.map(\.cipher_suite)) == Set(1...7))
        for vector in cases {
            var crypto = try CipherSuiteContext(CipherSuite(rawValue: vector.cipher_suite))
            let size = try #require(LeafCount(enclosing: vector.leaves.count))
            var tree = SecretTree(encryptionSecret: SecretBytes(vector.encryption_secret.bytes), leafCount: size)
            for (leaf, generations) in vector.leaves.enumerated() {
                for expected in generations {
                    let leaf = LeafIndex(UInt32(leaf))
                    let handshake = try tree.key(leaf, .commit, expected.generation, crypto: &crypto)
                    #expect(handshake == [expected.handshake_key.bytes, expected.handshake_nonce.bytes])
                    let application = try tree.key(leaf, .application, expected.generation, crypto: &crypto)
                    #expect(application == [expected.application_key.bytes, expected.application_nonce.bytes])
                }
            }
            let isWhole = tree.isWhole
            #expect(isWhole)
        }
    }

    @Test("a consumed key cannot be had again, nor its path's secrets (RFC 9420 section 9.2)", arguments: allSuites)
    func deletion(suite: CipherSuite) throws {
        var crypto = try CipherSuiteContext(suite)
        let size = try #require(LeafCount(enclosing: 8))
        var tree = newTree(size, crypto: crypto)
        let leaf = LeafIndex(3)
        _ = try tree.key(leaf, .application, 0, crypto: &crypto)
        expectRefusal(.generationConsumed, tree, leaf, .application, 0, crypto: &crypto)
        let path = [NodeIndex(leaf)] + NodeIndex(leaf).directPath(in: size)
        let onPath = path.map { tree.hasSecret($0) }
        #expect(!onPath.contains(true))
        let beside = NodeIndex(leaf).copath(in: size).map { tree.hasSecret($0) }
        #expect(!beside.contains(false))
        // The other ratchet of the leaf is as it was, and so are other leaves.
        _ = try tree.key(leaf, .proposal, 0, crypto: &crypto)
        expectRefusal(.generationConsumed, tree, leaf, .commit, 0, crypto: &crypto)
        for other in 0..<8 where other != 3 {
            _ = try tree.key(LeafIndex(UInt32(other)), .application, 0, crypto: &crypto)
        }
        let nodes = (0..<size.nodeCount.rawValue).map { tree.hasSecret(NodeIndex($0)) }
        #expect(!nodes.contains(true))
        let isWhole = tree.isWhole
        #expect(isWhole)
    }

    @Test("a step that is not consumed changes nothing", arguments: allSuites)
    func unconsumed(suite: CipherSuite) throws {
        var crypto = try CipherSuiteContext(suite)
        let size = try #require(LeafCount(enclosing: 4))
        var tree = newTree(size, crypto: crypto)
        let fresh = try records(&tree)
        let first = try tree.step(LeafIndex(2), .application, generation: 40, crypto: &crypto)
        let firstKey = copy(first.messageKey.key)
        let hasRoot = tree.hasSecret(size.root)
        #expect(hasRoot)
        let unchanged = try records(&tree)
        #expect(unchanged.isEmpty && fresh.count == 1)
        let again = try tree.key(LeafIndex(2), .application, 40, crypto: &crypto)
        #expect(again[0] == firstKey)
        // The same within a ratchet, for a kept key and for one ahead.
        _ = try records(&tree)
        for generation: UInt32 in [39, 41, 60] {
            let step = try tree.step(LeafIndex(2), .application, generation: generation, crypto: &crypto)
            let key = copy(step.messageKey.key)
            let unchanged = try records(&tree)
            #expect(unchanged.isEmpty)
            let again = try tree.key(LeafIndex(2), .application, generation, crypto: &crypto)
            #expect(again[0] == key)
            _ = try records(&tree)
        }
    }

    @Test("messages may come out of order, each once (RFC 9420 section 15.3)", arguments: allSuites)
    func outOfOrder(suite: CipherSuite) throws {
        var crypto = try CipherSuiteContext(suite)
        let size = try #require(LeafCount(enclosing: 2))
        let secret = randomBytes(crypto.hashByteCount)
        var sender = SecretTree(encryptionSecret: SecretBytes(secret), leafCount: size)
        var receiver = SecretTree(encryptionSecret: SecretBytes(secret), leafCount: size)
        var keys: [[[UInt8]]] = []
        for generation in 0..<10 {
            let key = try sender.next(LeafIndex(1), .application, crypto: &crypto)
            let isNext = key.generation == generation
            #expect(isNext)
            keys.append([copy(key.key), copy(key.nonce)])
        }
        #expect(Set(keys).count == 10)
        for generation: UInt32 in [4, 0, 3, 9, 1, 8, 2, 5, 6, 7] {
            let key = try receiver.key(LeafIndex(1), .application, generation, crypto: &crypto)
            #expect(key == keys[Int(generation)])
            expectRefusal(.generationConsumed, receiver, LeafIndex(1), .application, generation, crypto: &crypto)
        }
    }

    @Test("of skipped keys the newest are kept, the oldest dropped")
    func outOfOrderLimit() throws {
        var crypto = try CipherSuiteContext(allSuites[0])
        let size = try #require(LeafCount(enclosing: 2))
        let limits = SecretTreeLimits(maxForwardSteps: 100, maxOutOfOrderKeys: 3)
        var tree = SecretTree(
            encryptionSecret: SecretBytes(randomByteCount: 32), leafCount: size, limits: limits)
        let leaf = LeafIndex(0)
        _ = try tree.key(leaf, .application, 10, crypto: &crypto)
        expectRefusal(.generationConsumed, tree, leaf, .application, 6, crypto: &crypto)
        _ = try tree.key(leaf, .application, 7, crypto: &crypto)
        // 8, 9 and now 11 are kept, then 9, 11 and 13.
        _ = try tree.key(leaf, .application, 12, crypto: &crypto)
        _ = try tree.key(leaf, .application, 14, crypto: &crypto)
        expectRefusal(.generationConsumed, tree, leaf, .application, 8, crypto: &crypto)
        for generation: UInt32 in [9, 11, 13] { _ = try tree.key(leaf, .application, generation, crypto: &crypto) }
        let none = SecretTreeLimits(maxForwardSteps: 100, maxOutOfOrderKeys: 0)
        var strict = SecretTree(encryptionSecret: SecretBytes(randomByteCount: 32), leafCount: size, limits: none)
        _ = try strict.key(leaf, .application, 1, crypto: &crypto)
        expectRefusal(.generationConsumed, strict, leaf, .application, 0, crypto: &crypto)
    }

    @Test("a generation too far ahead is refused, one at the limit is not")
    func forwardLimit() throws {
        var crypto = try CipherSuiteContext(allSuites[0])
        let size = try #require(LeafCount(enclosing: 2))
        var tree = newTree(size, crypto: crypto)
        let leaf = LeafIndex(1)
        expectRefusal(.tooFarAhead, tree, leaf, .application, 1025, crypto: &crypto)
        _ = try tree.key(leaf, .application, 1024, crypto: &crypto)
        expectRefusal(.tooFarAhead, tree, leaf, .application, 1025 + 1025, crypto: &crypto)
        _ = try tree.key(leaf, .application, 1025 + 1024, crypto: &crypto)
        expectRefusal(.noSuchLeaf, tree, LeafIndex(2), .application, 0, crypto: &crypto)
        expectRefusal(.noSuchLeaf, tree, LeafIndex(.max), .commit, 0, crypto: &crypto)
    }

    @Test("the last generation of a uint32 is refused, sending and receiving")
    func exhaustion() throws {
        var crypto = try CipherSuiteContext(allSuites[0])
        let size = try #require(LeafCount(enclosing: 1))
        let limits = SecretTreeLimits(maxForwardSteps: .max)
        var tree = SecretTree(restoring: size, limits: limits)
        for type in [RatchetType.handshake, .application] {
            let saved = UInt32.max.bigEndianBytes.dropLast() + [0xfe, 32] + [UInt8](repeating: 7, count: 32)
            try tree.restore(.ratchet(LeafIndex(0), type), from: Array(saved).rawSpan, crypto: crypto)
        }
        expectRefusal(.exhausted, tree, LeafIndex(0), .application, .max, crypto: &crypto)
        _ = try tree.key(LeafIndex(0), .application, .max - 1, crypto: &crypto)
        expectRefusal(.exhausted, tree, LeafIndex(0), .application, .max, crypto: &crypto)
        expectRefusal(.generationConsumed, tree, LeafIndex(0), .application, .max - 1, crypto: &crypto)
        let last = try tree.next(LeafIndex(0), .commit, crypto: &crypto).generation
        #expect(last == UInt32.max - 1)
        #expect(throws: SecretTreeError.exhausted) { _ = try tree.next(LeafIndex(0), .commit, crypto: &crypto) }
        let fresh = newTree(size, crypto: crypto)
        expectRefusal(.exhausted, fresh, LeafIndex(0), .application, .max, crypto: &crypto)
    }

    @Test("a tree that was saved in pieces is the same tree; a message changes few of them")
    func saving() throws {
        var crypto = try CipherSuiteContext(allSuites[1])
        let size = try #require(LeafCount(enclosing: 5000))
        var tree = newTree(size, crypto: crypto)
        var saved = try records(&tree)
        #expect(saved.count == 1)
        let levels = 13
        let leaves: [UInt32] = [0, 1, 4999, 17, 17, 8191, 0, 2500]
        for (number, leaf) in leaves.enumerated() {
            let generation = UInt32(number) * 3
            _ = try tree.key(LeafIndex(leaf), .application, generation, crypto: &crypto)
            let changes = try records(&tree)
            #expect(changes.count <= levels + 3)
            for (record, bytes) in changes { saved[record] = bytes }
        }
        saved = saved.filter { $0.value != nil }
        let count = tree.recordCount
        #expect(saved.count == count)
        var loaded = SecretTree(restoring: size)
        for (record, bytes) in saved {
            let name = record.encoded
            let decoded = try SecretTreeRecord(decoding: name)
            #expect(decoded == record)
            let bytes = try #require(bytes)
            try loaded.restore(record, from: bytes.rawSpan, crypto: crypto)
        }
        let (isWhole, loadedCount) = (loaded.isWhole, loaded.recordCount)
        #expect(isWhole && loadedCount == count)
        for (leaf, type, generation): (UInt32, ContentType, UInt32) in [
            (17, .application, 11), (17, .application, 13), (17, .commit, 0), (8191, .application, 14),
            (3000, .application, 2), (3000, .proposal, 1),
        ] {
            let first = try tree.key(LeafIndex(leaf), type, generation, crypto: &crypto)
            let second = try loaded.key(LeafIndex(leaf), type, generation, crypto: &crypto)
            #expect(first == second)
        }
        expectRefusal(.generationConsumed, loaded, LeafIndex(17), .application, 9, crypto: &crypto)
    }

    @Test("records that throw on saving are saved the next time")
    func failedSaving() throws {
        struct Full: Error {}
        var crypto = try CipherSuiteContext(allSuites[0])
        let size = try #require(LeafCount(enclosing: 4))
        var tree = newTree(size, crypto: crypto)
        _ = try tree.key(LeafIndex(0), .application, 0, crypto: &crypto)
        #expect(throws: Full.self) { try tree.forEachChange { (_, _) throws(Full) in throw Full() } }
        let changes = try records(&tree)
        // The root, that is gone, two siblings and two ratchets.
        #expect(changes.count == 5 && changes.values.count { $0 == nil } == 1)
        let none = try records(&tree)
        #expect(none.isEmpty)
    }

    @Test("records of another tree or suite, cut short or damaged, are refused; a missing one is noticed")
    func damagedRecords() throws {
        var crypto = try CipherSuiteContext(allSuites[0])
        let size = try #require(LeafCount(enclosing: 4))
        var tree = newTree(size, crypto: crypto)
        _ = try tree.key(LeafIndex(0), .application, 3, crypto: &crypto)
        let saved = try records(&tree).compactMapValues { $0 }
        var loaded = SecretTree(restoring: size)
        let larger = try CipherSuiteContext(allSuites[3])
        for (record, bytes) in saved {
            #expect(throws: DecodingError.self) {
                try loaded.restore(record, from: bytes.rawSpan, crypto: larger)
            }
            // A ratchet may end behind its secret and behind every kept key.
            let ends = [37, 37 + 34, 37 + 2 * 34]
            for byteCount in 0..<bytes.count where !ends.contains(byteCount) {
                let prefix = Array(bytes.prefix(byteCount))
                #expect(throws: DecodingError.self) {
                    try loaded.restore(record, from: prefix.rawSpan, crypto: crypto)
                }
            }
        }
        let root = try #require(saved[.node(NodeIndex(5))])
        #expect(throws: DecodingError.self) {
            try loaded.restore(.node(NodeIndex(7)), from: root.rawSpan, crypto: crypto)
        }
        let ratchet = try #require(saved[.ratchet(LeafIndex(0), .application)])
        #expect(throws: DecodingError.self) {
            try loaded.restore(.ratchet(LeafIndex(4), .application), from: ratchet.rawSpan, crypto: crypto)
        }
        var swapped = ratchet
        swapped[37 + 3] = 2
        #expect(throws: DecodingError(.invalidField("generation"), at: 37 + 34)) {
            try loaded.restore(.ratchet(LeafIndex(0), .application), from: swapped.rawSpan, crypto: crypto)
        }
        for missing in saved.keys {
            var loaded = SecretTree(restoring: size)
            for (record, bytes) in saved where record != missing {
                try loaded.restore(record, from: bytes.rawSpan, crypto: crypto)
            }
            let isWhole = loaded.isWhole
            #expect(!isWhole)
        }
        var incomplete = SecretTree(restoring: size)
        expectRefusal(.incomplete, incomplete, LeafIndex(0), .application, 0, crypto: &crypto)
        #expect(throws: SecretTreeError.incomplete) {
            _ = try incomplete.next(LeafIndex(0), .application, crypto: &crypto)
        }
        #expect(throws: DecodingError.self) { _ = try SecretTreeRecord(decoding: [3, 0, 0, 0, 0]) }
    }

    @Test("a step of what no longer is may not be consumed")
    func staleStep() async {
        await #expect(processExitsWith: .failure) {
            var crypto = try CipherSuiteContext(allSuites[0])
            let size = try #require(LeafCount(enclosing: 2))
            var tree = newTree(size, crypto: crypto)
            let stale = try tree.step(LeafIndex(0), .application, generation: 1, crypto: &crypto)
            _ = try tree.key(LeafIndex(0), .application, 0, crypto: &crypto)
            tree.consume(stale)
        }
    }
}

/// A tree whose secret nobody else has.
func newTree(_ size: LeafCount, crypto: borrowing CipherSuiteContext) -> SecretTree {
    SecretTree(encryptionSecret: SecretBytes(randomByteCount: crypto.hashByteCount), leafCount: size)
}

/// What has changed in the tree; nil for what is gone.
private func records(_ tree: inout SecretTree) throws -> [SecretTreeRecord: [UInt8]?] {
    var records: [SecretTreeRecord: [UInt8]?] = [:]
    tree.forEachChange { record, secret in
        if let secret { records[record] = secret.copied } else { records.updateValue(nil, forKey: record) }
    }
    tree.markSaved()
    return records
}

private func expectRefusal(
    _ error: SecretTreeError, _ tree: borrowing SecretTree, _ leaf: LeafIndex, _ type: ContentType,
    _ generation: UInt32, crypto: inout CipherSuiteContext, sourceLocation: SourceLocation = #_sourceLocation
) {
    var thrown: SecretTreeError?
    do throws(SecretTreeError) {
        _ = try tree.step(leaf, type, generation: generation, crypto: &crypto)
    } catch { thrown = error }
    #expect(thrown == error, sourceLocation: sourceLocation)
}

extension SecretTree {
    /// The key and nonce of a generation, consumed.
    fileprivate mutating func key(
        _ leaf: LeafIndex, _ contentType: ContentType, _ generation: UInt32, crypto: inout CipherSuiteContext
    ) throws -> [[UInt8]] {
        let step = try step(leaf, contentType, generation: generation, crypto: &crypto)
        let key = consume(step)
        return [copy(key.key), copy(key.nonce)]
    }
}

extension UInt32 {
    fileprivate var bigEndianBytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: self >> (24 - 8 * $0)) } }
}
