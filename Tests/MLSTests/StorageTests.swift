import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation
import TestSupport
import Testing

/// A store in memory that can be full, and counts what is written.
struct MemoryStorage: GroupStorage {
    struct Full: Error {}
    typealias Failure = Full
    var groups: [[UInt8]: [[UInt8]: SharedSecret]] = [:]
    var isFull = false
    /// How many records the last write had.
    var lastChangeCount = 0

    mutating func write(_ changes: [GroupStateRecord], groupID: [UInt8]) throws(Full) {
        if isFull { throw Full() }
        for change in changes { groups[groupID, default: [:]][change.key] = change.value }
        lastChangeCount = changes.count
    }

    func records(groupID: [UInt8]) throws(Full) -> [GroupStateRecord] {
        (groups[groupID] ?? [:]).map { GroupStateRecord(key: $0.key, value: $0.value) }
    }
}

/// A member whose group is stored, and read from the store again whenever it is asked to.
final class StoredMember {
    var stored: StoredGroup<MemoryStorage>
    let configuration: GroupConfiguration

    init(_ group: consuming Group) throws {
        configuration = group.configuration
        stored = try StoredGroup(group, storage: MemoryStorage())
    }

    var authenticator: [UInt8] { stored.group.epochAuthenticator }
    var context: GroupContext { stored.group.groupContext }
    var hasPendingCommit: Bool { stored.group.hasPendingCommit }
    var isRemoved: Bool { stored.group.isRemoved }
    var isActive: Bool { stored.group.isActive }

    /// Forgets all but the store.
    func restart() throws {
        let (storage, groupID) = (stored.storage, stored.group.groupID)
        stored = try StoredGroup(groupID: groupID, storage: storage, configuration: configuration)
    }

    func send(_ text: String) throws -> [UInt8] {
        try stored.update { group throws(GroupError) in try group.protect(Array(text.utf8)) }
    }

    func read(_ message: [UInt8]) throws -> String {
        let data = try stored.update { group throws(GroupError) -> [UInt8] in
            guard case .application(let message) = try group.process(message) else { throw .refused(.wireFormat) }
            return message.data
        }
        return String(decoding: data, as: UTF8.self)
    }

    func propose(_ proposal: Proposal) throws -> [UInt8] {
        try stored.update { group throws(GroupError) in try group.propose(proposal).message }
    }

    func proposeUpdate() throws -> [UInt8] {
        try stored.update { group throws(GroupError) in try group.proposeUpdate().message }
    }

    func commit(_ options: CommitOptions = CommitOptions()) throws -> CommitMessages {
        try stored.update { group throws(GroupError) in try group.commit(options) }
    }

    func mergeOwn() throws {
        _ = try stored.update { group throws(GroupError) in group.mergePendingCommit() }
    }

    /// Takes a proposal or somebody's Commit.
    func take(_ message: [UInt8]) throws {
        try stored.update { group throws(GroupError) in
            if case .commit(let staged) = try group.process(message) { group.merge(staged) }
        }
    }
}

extension StoredMember {
    static func identity(_ name: String) throws -> ClientIdentity {
        ClientIdentity(
            credential: .basic(identity: Array(name.utf8)),
            signingKey: try SigningKey.generate(StorageTests.suite.signatureScheme))
    }

    /// A group of so many members, all added by the first one's one Commit.
    static func group(
        of count: Int, _ configuration: GroupConfiguration = StorageTests.configuration, limit: Int = 8
    ) throws -> [StoredMember] {
        let creator = try StoredMember(
            Group(
                creating: Array("group".utf8), suite: StorageTests.suite, identity: identity("0"),
                lifetime: StorageTests.lifetime,
                configuration: configuration))
        var joiners: [(KeyPackageSecrets, ClientIdentity)] = []
        for number in 1..<count {
            let identity = try identity("\(number)")
            joiners.append(
                (
                    try KeyPackageSecrets(
                        suite: StorageTests.suite, identity: identity, lifetime: StorageTests.lifetime,
                        configuration: configuration),
                    identity
                ))
        }
        let messages = try creator.commit(
            CommitOptions(joiners.map { .add(Add(keyPackage: $0.0.keyPackage)) }))
        try creator.mergeOwn()
        let welcome = try #require(messages.welcome)
        var members = [creator]
        for (keyPackage, identity) in joiners.prefix(limit - 1) {
            members.append(
                try StoredMember(
                    Group(
                        joining: welcome, keyPackages: [keyPackage], identity: identity, configuration: configuration)))
        }
        return members
    }
}

@Suite("State that lasts")
struct StorageTests {
    static let suite = CipherSuite.mls128DHKEMX25519AES128GCMSHA256Ed25519
    static let lifetime = Lifetime(notBefore: 0, notAfter: 1 << 40)
    static let configuration = GroupConfiguration(policy: ValidationPolicy(clock: nil, maxTotalLifetime: nil))

    @Test("a group goes on from its store as if it had never stopped", arguments: [true, false])
    func restarts(isPrivate: Bool) throws {
        var configuration = Self.configuration
        configuration.handshakeFraming = isPrivate ? .privateMessage : .publicMessage
        let members = try StoredMember.group(of: 4, configuration)
        let (alice, bob, carol, dave) = (members[0], members[1], members[2], members[3])
        func restartAll() throws { for member in members { try member.restart() } }

        try restartAll()
        let early = try bob.send("early")
        let late = try bob.send("late")
        #expect(try alice.read(late) == "late")
        try restartAll()
        // The key that was skipped is there, the one that was used is not.
        #expect(throws: StoredGroupError<MemoryStorage.Full>.self) { try alice.read(late) }
        #expect(try alice.read(early) == "early")

        // An Update proposed before a restart, committed by another after one.
        let update = try carol.proposeUpdate()
        for member in [alice, bob, dave] { try member.take(update) }
        try restartAll()
        let waiting = try dave.send("from the epoch before")
        let messages = try alice.commit()
        try restartAll()
        #expect(alice.hasPendingCommit)
        try alice.mergeOwn()
        for member in [bob, carol, dave] { try member.take(messages.commit) }
        try restartAll()
        for member in members {
            #expect(member.authenticator == alice.authenticator && member.context == alice.context)
        }
        // A message of the epoch that is over.
        #expect(try carol.read(waiting) == "from the epoch before")
        #expect(try bob.read(try carol.send("with the new leaf key")) == "with the new leaf key")

        // Each commits once, restarted in between; the trees agree.
        for committer in members {
            let commit = try committer.commit().commit
            try restartAll()
            try committer.mergeOwn()
            for member in members where member !== committer { try member.take(commit) }
            try restartAll()
            #expect(Set(members.map(\.authenticator)).count == 1)
        }

        // Who is removed is removed after a restart too.
        let removal = try alice.commit(CommitOptions([.remove(Remove(removed: dave.stored.group.ownLeaf))]))
        try alice.mergeOwn()
        for member in [bob, carol, dave] { try member.take(removal.commit) }
        try restartAll()
        #expect(dave.isRemoved && !dave.isActive)
        #expect(bob.authenticator == alice.authenticator && bob.authenticator != dave.authenticator)
    }

    @Test("what was dropped from memory is dropped from the store")
    func deletedRecords() throws {
        var configuration = Self.configuration
        configuration.maxPastEpochCount = 1
        configuration.maxResumptionPSKCount = 2
        let members = try StoredMember.group(of: 3, configuration)
        var counts: [Int] = []
        for _ in 0..<6 {
            for member in members {
                let message = try member.send("hello")
                for reader in members where reader !== member { _ = try reader.read(message) }
            }
            let commit = try members[0].commit().commit
            try members[0].mergeOwn()
            for member in members.dropFirst() { try member.take(commit) }
            let group = members[1].stored.group.groupID
            counts.append(try members[1].stored.storage.records(groupID: group).count)
        }
        // Once the bounds are reached the store grows no further.
        #expect(Set(counts.dropFirst(2)).count == 1, "\(counts)")
    }

    @Test("saving costs what changed: for a message and a Commit in a group of 200 a few records")
    func incremental() throws {
        let members = try StoredMember.group(of: 200, limit: 2)
        let (alice, bob) = (members[0], members[1])
        let message = try alice.send("hello")
        // A path of the secret tree, the first time.
        #expect(alice.stored.storage.lastChangeCount < 20)
        let second = try alice.send("again")
        #expect(alice.stored.storage.lastChangeCount == 1)
        _ = try bob.read(message)
        _ = try bob.read(second)
        #expect(bob.stored.storage.lastChangeCount == 1)
        let commit = try alice.commit().commit
        try alice.mergeOwn()
        try bob.take(commit)
        // Nine nodes, the group, the epoch that ended, a PSK, the new secret tree.
        #expect(bob.stored.storage.lastChangeCount < 40)
        #expect(bob.authenticator == alice.authenticator)
    }

    @Test("nothing leaves where the store fails, and what was used up is not used again")
    func failingStore() throws {
        let members = try StoredMember.group(of: 2)
        members[0].stored.storage.isFull = true
        #expect(throws: StoredGroupError<MemoryStorage.Full>.self) { try members[0].send("lost") }
        members[0].stored.storage.isFull = false
        let message = try members[0].send("kept")
        try members[0].restart()
        #expect(try members[1].read(message) == "kept")
        // Its generation is the one after the one that never left.
        let again = try members[0].send("again")
        let generation = try members[1].stored.update { group throws(GroupError) -> UInt32 in
            guard case .application(let message) = try group.process(again) else { throw .refused(.wireFormat) }
            return message.generation
        }
        #expect(generation == 2)
    }

    @Test("a record that is missing, cut short, changed or of another version is refused, and never crashes")
    func damagedRecords() throws {
        let members = try StoredMember.group(of: 3)
        _ = try members[0].read(try members[1].send("hello"))
        _ = try members[0].proposeUpdate()
        _ = try members[1].commit()
        for member in [members[0], members[1]] {
            let groupID = member.stored.group.groupID
            let records = try member.stored.storage.records(groupID: groupID)
            for (position, record) in records.enumerated() {
                guard let value = record.value else { continue }
                let bytes = [UInt8](value.bytes)
                var damaged: [[UInt8]] = (0..<bytes.count).filter { $0 < 40 || $0 % 23 == 0 }.map {
                    Array(bytes.prefix($0))
                }
                damaged += stride(from: 0, to: bytes.count, by: 7).map { offset in
                    var changed = bytes
                    changed[offset] ^= 0xff
                    return changed
                }
                for (number, bytes) in damaged.enumerated() {
                    var records = records
                    records[position] = GroupStateRecord(
                        key: record.key, value: SharedSecret(copying: bytes.rawSpan))
                    let isRestored = (try? restore(records)) != nil
                    // What is cut short is always seen; a changed secret is one nobody can tell from another.
                    if number < damaged.count - (bytes.count + 6) / 7 { #expect(!isRestored || bytes.isEmpty) }
                }
            }
            var versioned = records
            for (position, record) in records.enumerated() where record.key == [0] {
                guard let value = record.value else { continue }
                var bytes = [UInt8](value.bytes)
                bytes[1] = 2
                versioned[position] = GroupStateRecord(key: record.key, value: SharedSecret(copying: bytes.rawSpan))
            }
            #expect(throws: GroupError.malformed(DecodingError(.unknownValue(type: "SavedGroup", value: 2), at: 0))) {
                try restore(versioned)
            }
        }
        #expect(throws: GroupError.self) { try restore([]) }
    }

    @Test("a KeyPackage that was saved joins a group; one that is cut short or of another version is refused")
    func keyPackages() throws {
        let identity = try StoredMember.identity("joiner")
        let made = try KeyPackageSecrets(
            suite: Self.suite, identity: identity, lifetime: Self.lifetime, configuration: Self.configuration)
        let saved = try made.saved()
        let restored = try KeyPackageSecrets(saved: saved)
        #expect(restored.ref == made.ref && restored.keyPackage == made.keyPackage)
        let creator = try StoredMember.group(of: 2)[0]
        let welcome = try #require(try creator.commit(CommitOptions([.add(Add(keyPackage: made.keyPackage))])).welcome)
        try creator.mergeOwn()
        let joiner = try StoredMember(
            Group(joining: welcome, keyPackages: [restored], identity: identity, configuration: Self.configuration))
        #expect(joiner.authenticator == creator.authenticator)
        let bytes = [UInt8](saved.bytes)
        for count in 0..<bytes.count {
            #expect(throws: GroupError.self) {
                try KeyPackageSecrets(saved: SharedSecret(copying: bytes.rawSpan.extracting(first: count)))
            }
        }
        var newer = bytes
        newer[1] = 2
        #expect(throws: GroupError.malformed(DecodingError(.unknownValue(type: "SavedKeyPackage", value: 2), at: 0))) {
            try KeyPackageSecrets(saved: SharedSecret(copying: newer.rawSpan))
        }
    }

    private func restore(_ records: [GroupStateRecord]) throws {
        _ = try Group(restoring: records, configuration: Self.configuration)
    }
}
