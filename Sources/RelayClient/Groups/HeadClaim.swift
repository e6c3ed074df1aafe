internal import MLSCrypto
internal import RelayWire
internal import TLSPresentation

/// What a member says it has seen of a group's log: in the `authenticated_data` (RFC 9420 section 6) of each message and
/// commit, where the relay cannot change it. PROTOCOL.md section 6.
/// ```
/// struct { uint8 version = 1; uint64 seq; opaque chain[32]; } HeadClaim;
/// ```
struct HeadClaim: TLSCodable, Hashable, Sendable {
    /// The last entry that the member had processed.
    var sequenceNumber: SequenceNumber
    /// The chain hash that it computed there.
    var chain: SHA256Digest

    private static let version: UInt8 = 1

    init(sequenceNumber: SequenceNumber, chain: SHA256Digest) {
        self.sequenceNumber = sequenceNumber
        self.chain = chain
    }

    init(from reader: inout Reader) throws(DecodingError) {
        guard try reader.uint8() == Self.version else { throw reader.error(.invalidField("HeadClaim.version")) }
        sequenceNumber = try SequenceNumber(from: &reader)
        chain = try SHA256Digest(from: &reader)
    }

    func encode(into writer: inout Writer) {
        writer.integer(Self.version)
        sequenceNumber.encode(into: &writer)
        chain.encode(into: &writer)
    }

    /// The claim in a message's `authenticated_data`; nil where another program, or a later version of this one, has put
    /// something else there.
    init?(authenticatedData: [UInt8]) {
        do throws(DecodingError) {
            try self.init(decoding: authenticatedData)
        } catch {
            return nil
        }
    }
}
