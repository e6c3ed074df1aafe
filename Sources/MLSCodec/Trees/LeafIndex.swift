public import TLSPresentation

/// Which leaf of the ratchet tree, from the left, blank ones too. RFC 9420 section 4.2; a `uint32` on the wire.
public struct LeafIndex: TLSRegistered, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public init(_ rawValue: UInt32) { self.rawValue = rawValue }
}

extension LeafIndex: Comparable {
    public static func < (lhs: LeafIndex, rhs: LeafIndex) -> Bool { lhs.rawValue < rhs.rawValue }
}

extension LeafIndex: CustomStringConvertible {
    public var description: String { "\(rawValue)" }
}
