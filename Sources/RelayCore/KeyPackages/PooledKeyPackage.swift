public import MLSCodec
public import RelayWire
public import TLSPresentation

/// What the relay looks at of a KeyPackage that is published; all else was checked on the way.
public struct PublishedKeyPackage: Hashable, Sendable {
    public var reference: [UInt8]
    public var cipherSuite: CipherSuite
    public var isLastResort: Bool
    /// Of its leaf node.
    public var signatureKey: [UInt8]
    /// When its lifetime is over.
    public var notAfter: Timestamp

    public init(
        reference: [UInt8], cipherSuite: CipherSuite, isLastResort: Bool, signatureKey: [UInt8], notAfter: Timestamp
    ) {
        self.reference = reference
        self.cipherSuite = cipherSuite
        self.isLastResort = isLastResort
        self.signatureKey = signatureKey
        self.notAfter = notAfter
    }
}

/// A KeyPackage in its pool, or reserved: it can be handed out.
/// ```
/// struct { uint64 client; CipherSuite cipher_suite; uint8 is_last_resort; uint64 seq; uint64 not_after;
///          opaque reference<V>; } PooledKeyPackage;
/// ```
public struct PooledKeyPackage: TLSCodable, Hashable, Sendable {
    public var client: ClientNumber
    public var cipherSuite: CipherSuite
    public var isLastResort: Bool
    /// In the log of the client's KeyPackages.
    public var sequenceNumber: SequenceNumber
    /// When its lifetime is over.
    public var notAfter: Timestamp
    public var reference: [UInt8]

    public init(
        client: ClientNumber, cipherSuite: CipherSuite, isLastResort: Bool, sequenceNumber: SequenceNumber,
        notAfter: Timestamp, reference: [UInt8]
    ) {
        self.client = client
        self.cipherSuite = cipherSuite
        self.isLastResort = isLastResort
        self.sequenceNumber = sequenceNumber
        self.notAfter = notAfter
        self.reference = reference
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        client = try ClientNumber(from: &reader)
        cipherSuite = try CipherSuite(from: &reader)
        isLastResort = try reader.isPresent()
        sequenceNumber = try SequenceNumber(from: &reader)
        notAfter = try Timestamp(from: &reader)
        reference = try reader.opaque()
    }
    public func encode(into writer: inout Writer) {
        client.encode(into: &writer)
        cipherSuite.encode(into: &writer)
        writer.isPresent(isLastResort)
        sequenceNumber.encode(into: &writer)
        notAfter.encode(into: &writer)
        writer.opaque(reference)
    }

    public func isExpired(at now: Timestamp) -> Bool { notAfter <= now }
}

extension PooledKeyPackage: CustomStringConvertible {
    public var description: String {
        "client \(client), \(cipherSuite), \(isLastResort ? "last resort, " : "")entry \(sequenceNumber)"
    }
}

/// A KeyPackage that an invitation keeps out of its pool.
/// ```
/// struct { uint64 invitation; PooledKeyPackage key_package; } ReservationRecord;
/// ```
public struct ReservationRecord: TLSCodable, Hashable, Sendable {
    public var invitation: InvitationNumber
    public var keyPackage: PooledKeyPackage

    public init(invitation: InvitationNumber, keyPackage: PooledKeyPackage) {
        self.invitation = invitation
        self.keyPackage = keyPackage
    }
    public init(from reader: inout Reader) throws(DecodingError) {
        invitation = try InvitationNumber(from: &reader)
        keyPackage = try PooledKeyPackage(from: &reader)
    }
    public func encode(into writer: inout Writer) {
        invitation.encode(into: &writer)
        keyPackage.encode(into: &writer)
    }
}
