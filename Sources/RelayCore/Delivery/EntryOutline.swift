import MLSCodec
public import MLSCrypto
public import RelayWire
import TLSPresentation

/// An entry but for its payload: what retention decides on.
public struct EntryOutline: Hashable, Sendable {
    public enum Content: Hashable, Sendable {
        case application
        /// Ended this epoch, where it was accepted as a commit.
        case commit(Epoch)
        case other
    }

    public var header: EntryHeader
    public var chain: SHA256Digest
    public var payloadHash: SHA256Digest
    /// Nil where the payload is gone.
    public var payloadByteCount: Int?
    public var content: Content

    /// An entry whose payload is there.
    public init(_ header: EntryHeader, chain: SHA256Digest, payloadHash: SHA256Digest, payload: RawSpan) {
        self.header = header
        self.chain = chain
        self.payloadHash = payloadHash
        payloadByteCount = payload.byteCount
        content = header.kind == .message ? Self.content(of: payload) : .other
    }

    /// An entry whose payload is gone.
    public init(_ digest: EntryDigest) {
        header = digest.header
        chain = digest.chain
        payloadHash = digest.payloadHash
        payloadByteCount = nil
        content = .other
    }

    static func content(of message: RawSpan) -> Content {
        // What was accepted is an MLSMessage.
        guard let envelope = try? MLSMessageEnvelope(message) else { return .other }
        switch envelope.payload {
        case .privateMessage(let route):
            switch route.contentType {
            case .application: return .application
            case .commit: return .commit(Epoch(rawValue: route.epoch))
            default: return .other
            }
        case .publicMessage(let route):
            return route.contentType == .commit ? .commit(Epoch(rawValue: route.epoch)) : .other
        default: return .other
        }
    }

    /// Bytes of the MLSMessage that is kept.
    var messageByteCount: Int { header.kind == .message ? payloadByteCount ?? 0 : 0 }
}
