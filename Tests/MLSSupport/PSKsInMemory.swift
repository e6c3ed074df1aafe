public import MLS
public import MLSCrypto
import TLSPresentation

/// Pre-shared keys in memory.
public struct PSKsInMemory: PreSharedKeyStore, Sendable {
    public var external: [[UInt8]: [UInt8]]
    private var resumption: [Epoch: [UInt8]] = [:]

    private struct Epoch: Hashable {
        let groupID: [UInt8]
        let number: UInt64
    }

    public init(external: [[UInt8]: [UInt8]] = [:]) { self.external = external }

    /// Keeps what proves that one was in a group's epoch.
    public mutating func keep(_ psk: borrowing SecretBytes, groupID: [UInt8], epoch: UInt64) {
        resumption[Epoch(groupID: groupID, number: epoch)] = [UInt8](psk.bytes)
    }

    public func externalPSK(_ id: [UInt8]) -> SecretBytes? {
        external[id].map { SecretBytes(copying: $0.rawSpan) }
    }

    public func resumptionPSK(groupID: [UInt8], epoch: UInt64) -> SecretBytes? {
        resumption[Epoch(groupID: groupID, number: epoch)].map { SecretBytes(copying: $0.rawSpan) }
    }
}
