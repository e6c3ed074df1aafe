public import MLSCodec
public import RelayWire
public import TLSPresentation

/// An invitation of a user into a tracked group. PROTOCOL.md "Invitations".
/// ```
/// struct { uint64 log; uint64 inviter; uint64 user; CipherSuite cipher_suite; opaque info<V>; uint64 created; uint64 expires;
///          InvitationState state; uint8 is_approved; uint8 is_taken; Reservation reserved<V>; } InvitationRecord;
/// ```
public struct InvitationRecord: TLSCodable, Hashable, Sendable {
    public var log: LogNumber
    /// Who invites.
    public var inviter: ClientNumber
    /// Who is invited.
    public var user: UserNumber
    public var cipherSuite: CipherSuite
    public var info: [UInt8]
    public var created: Timestamp
    public var expires: Timestamp
    public var state: InvitationState
    /// An admin invited or has approved.
    public var isApproved: Bool
    /// Whoever may add has got the KeyPackages.
    public var isTaken = false
    /// The KeyPackages that wait for it, or that were taken: at most one for each client of the user.
    public var reserved: [Reservation]

    /// A KeyPackage, by its place in the log of its client's KeyPackages.
    /// ```
    /// struct { uint64 client; uint64 seq; uint8 is_last_resort; uint64 not_after; } Reservation;
    /// ```
    public struct Reservation: TLSCodable, Hashable, Sendable {
        public var client: ClientNumber
        public var sequenceNumber: SequenceNumber
        public var isLastResort: Bool
        /// When its lifetime is over.
        public var notAfter: Timestamp

        public init(
            client: ClientNumber, sequenceNumber: SequenceNumber, isLastResort: Bool, notAfter: Timestamp
        ) {
            self.client = client
            self.sequenceNumber = sequenceNumber
            self.isLastResort = isLastResort
            self.notAfter = notAfter
        }
        public init(from reader: inout Reader) throws(DecodingError) {
            client = try ClientNumber(from: &reader)
            sequenceNumber = try SequenceNumber(from: &reader)
            isLastResort = try reader.isPresent()
            notAfter = try Timestamp(from: &reader)
        }
        public func encode(into writer: inout Writer) {
            client.encode(into: &writer)
            sequenceNumber.encode(into: &writer)
            writer.isPresent(isLastResort)
            notAfter.encode(into: &writer)
        }
    }

    public init(
        log: LogNumber, inviter: ClientNumber, user: UserNumber, cipherSuite: CipherSuite, info: [UInt8],
        created: Timestamp, expires: Timestamp, state: InvitationState, isApproved: Bool, reserved: [Reservation]
    ) {
        self.log = log
        self.inviter = inviter
        self.user = user
        self.cipherSuite = cipherSuite
        self.info = info
        self.created = created
        self.expires = expires
        self.state = state
        self.isApproved = isApproved
        self.reserved = reserved
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        log = try LogNumber(from: &reader)
        inviter = try ClientNumber(from: &reader)
        user = try UserNumber(from: &reader)
        cipherSuite = try CipherSuite(from: &reader)
        info = try reader.opaque()
        created = try Timestamp(from: &reader)
        expires = try Timestamp(from: &reader)
        state = try InvitationState(from: &reader)
        isApproved = try reader.isPresent()
        isTaken = try reader.isPresent()
        reserved = try reader.vector()
    }
    public func encode(into writer: inout Writer) {
        log.encode(into: &writer)
        inviter.encode(into: &writer)
        user.encode(into: &writer)
        cipherSuite.encode(into: &writer)
        writer.opaque(info)
        created.encode(into: &writer)
        expires.encode(into: &writer)
        state.encode(into: &writer)
        writer.isPresent(isApproved)
        writer.isPresent(isTaken)
        writer.vector(reserved)
    }
}
