import MLS
import MLSCrypto
import RelayWire
import TLSPresentation

/// A KeyPackage of this device, with its secrets: stored before it is published, so that no Welcome comes in vain.
struct KeyPackageRecord {
    /// All but the KeyPackage itself: what is decided by.
    struct State: Hashable {
        /// In seconds since 1970, as all times here.
        let notAfter: UInt64
        let isLastResort: Bool
        /// Where it stands in the log of KeyPackages; 0 while the relay has not said that it has it.
        var sequenceNumber = SequenceNumber.zero
        /// When its secrets go; 0 while they are needed.
        var deleteAfter: UInt64 = 0

        var isPublished: Bool { sequenceNumber != .zero }
        var isRetired: Bool { deleteAfter != 0 }
    }

    var state: State
    /// What `KeyPackageSecrets.saved` gave.
    let saved: SharedSecret

    init(_ state: State, _ secrets: KeyPackageSecrets) throws {
        self.state = state
        saved = try secrets.saved()
    }

    /// - Throws: `GroupError` where the store holds something else.
    func secrets() throws -> KeyPackageSecrets { try KeyPackageSecrets(saved: saved) }
}

/// ```
/// struct { uint8 version = 1; uint64 not_after; uint8 is_last_resort; uint64 seq; uint64 delete_after;
///          opaque saved<V>; } KeyPackageRecord;
/// ```
extension KeyPackageRecord {
    private static let version: UInt8 = 1

    /// - Throws: where it is not what `encoded` gave.
    init(decoding secret: SharedSecret) throws(DecodingError) {
        var reader = Reader(secret.bytes)
        try reader.expectVersion(Self.version, "KeyPackageRecord")
        state = State(
            notAfter: try reader.uint64(), isLastResort: try reader.isPresent(),
            sequenceNumber: try SequenceNumber(from: &reader), deleteAfter: try reader.uint64())
        saved = SharedSecret(copying: try reader.opaqueSpan())
        try reader.expectEnd()
    }

    /// The record as bytes that are erased.
    func encoded() -> SecretBytes {
        var head = Writer()
        head.integer(Self.version)
        head.integer(state.notAfter)
        head.isPresent(state.isLastResort)
        state.sequenceNumber.encode(into: &head)
        head.integer(state.deleteAfter)
        var writer = SecretWriter(capacity: head.bytes.count + saved.byteCount + 4)
        let bytes = head.bytes
        writer.raw(bytes.rawSpan)
        writer.opaque(saved.bytes)
        return writer.finish()
    }
}
