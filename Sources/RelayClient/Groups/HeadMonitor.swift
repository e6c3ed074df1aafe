internal import MLSCrypto
internal import RelayWire
internal import TLSPresentation

/// Finds out where a relay shows members different histories of a group: from what members claim in their messages, and
/// from what the relay answers to head checks. Requirements S4-14 and N-3.
///
/// Nobody is reported for a first finding, nor twice for the same; lag is no finding. A value: part of the group's durable
/// record.
struct HeadMonitor: TLSCodable, Hashable, Sendable {
    /// What a claim was beside one's own history.
    enum Finding: Hashable, Sendable {
        /// The same history.
        case consistent
        /// Nothing to compare with, or nothing that was not said already.
        case unknown
        /// Another history, for the first time: to be checked again.
        case suspect
        /// Another history, a second time: to be told.
        case diverged
    }

    /// Members whose last comparable claim did not fit, in the order in which that was found; at most `maxCount`.
    private var mismatches: [Mismatch] = []
    var checks = HeadCheckMonitor()

    /// Beyond this many the oldest is forgotten: it takes as many liars to hide one, and they are reported themselves.
    private static let maxCount = 256

    init() {}

    /// Compares what a member claims with one's own history.
    /// - Parameters:
    ///   - member: its signature key.
    ///   - entry: where the message stands that has the claim.
    ///   - known: the chain hash that was computed at an entry; nil where none is kept.
    mutating func receive(
        _ claim: HeadClaim, from member: [UInt8], at entry: SequenceNumber,
        known: (SequenceNumber) throws -> SHA256Digest?
    ) rethrows -> Finding {
        // Nobody has seen what comes behind its own message, unless it was shown something else.
        if claim.sequenceNumber >= entry { return note(SHA256.hash(member), at: entry) }
        guard let chain = try known(claim.sequenceNumber) else { return .unknown }
        if chain != claim.chain { return note(SHA256.hash(member), at: entry) }
        forget(member)
        return .consistent
    }

    /// Forgets what was found of a member: it is right again, or not in the group any more.
    mutating func forget(_ member: [UInt8]) {
        if mismatches.isEmpty { return }
        let member = SHA256.hash(member)
        mismatches.removeAll { $0.member == member }
    }

    private mutating func note(_ member: SHA256Digest, at entry: SequenceNumber) -> Finding {
        guard let index = mismatches.firstIndex(where: { $0.member == member }) else {
            if mismatches.count == Self.maxCount { mismatches.removeFirst() }
            mismatches.append(Mismatch(member: member, entry: entry, isReported: false))
            return .suspect
        }
        // The same message again is no second claim.
        guard entry > mismatches[index].entry, !mismatches[index].isReported else { return .unknown }
        mismatches[index].isReported = true
        return .diverged
    }

    // MARK: Bytes

    /// ```
    /// struct { Mismatch mismatches<V>; HeadCheckMonitor checks; } HeadMonitor;
    /// ```
    init(from reader: inout Reader) throws(DecodingError) {
        mismatches = try reader.vector()
        guard mismatches.count <= Self.maxCount else { throw reader.error(.invalidField("HeadMonitor.mismatches")) }
        checks = try HeadCheckMonitor(from: &reader)
    }

    func encode(into writer: inout Writer) {
        writer.vector(mismatches)
        checks.encode(into: &writer)
    }
}

/// A member that has claimed another history.
/// ```
/// struct { opaque member[32]; uint64 entry; uint8 is_reported; } Mismatch;
/// ```
private struct Mismatch: TLSCodable, Hashable, Sendable {
    /// SHA-256 of its signature key.
    var member: SHA256Digest
    /// Where the first of its claims stands that did not fit.
    var entry: SequenceNumber
    var isReported: Bool

    init(member: SHA256Digest, entry: SequenceNumber, isReported: Bool) {
        self.member = member
        self.entry = entry
        self.isReported = isReported
    }

    init(from reader: inout Reader) throws(DecodingError) {
        member = try SHA256Digest(from: &reader)
        entry = try SequenceNumber(from: &reader)
        isReported = try reader.isPresent()
    }

    func encode(into writer: inout Writer) {
        member.encode(into: &writer)
        entry.encode(into: &writer)
        writer.isPresent(isReported)
    }
}
