public import TLSPresentation

/// Which pre-shared key, and a nonce that makes each use of it another. RFC 9420 section 8.4.
/// ```
/// struct {
///     PSKType psktype;
///     select (PreSharedKeyID.psktype) {
///         case external: opaque psk_id<V>;
///         case resumption: ResumptionPSKUsage usage; opaque psk_group_id<V>; uint64 psk_epoch;
///     };
///     opaque psk_nonce<V>;
/// } PreSharedKeyID;
/// ```
public struct PreSharedKeyID: Hashable, Sendable {
    public enum Key: Hashable, Sendable {
        case external(pskID: [UInt8])
        case resumption(usage: ResumptionPSKUsage, pskGroupID: [UInt8], pskEpoch: UInt64)

        public var pskType: PSKType {
            switch self {
            case .external: .external
            case .resumption: .resumption
            }
        }
    }

    public var key: Key
    public var pskNonce: [UInt8]

    public init(_ key: Key, pskNonce: [UInt8]) {
        self.key = key
        self.pskNonce = pskNonce
    }
}

extension PreSharedKeyID: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        switch try PSKType(from: &reader) {
        case .external: key = .external(pskID: try reader.opaque())
        case .resumption:
            key = .resumption(
                usage: try ResumptionPSKUsage(from: &reader), pskGroupID: try reader.opaque(),
                pskEpoch: try reader.uint64())
        }
        pskNonce = try reader.opaque()
    }

    public func encode(into writer: inout Writer) {
        key.pskType.encode(into: &writer)
        switch key {
        case .external(let pskID): writer.opaque(pskID)
        case .resumption(let usage, let pskGroupID, let pskEpoch):
            usage.encode(into: &writer)
            writer.opaque(pskGroupID)
            writer.integer(pskEpoch)
        }
        writer.opaque(pskNonce)
    }
}
