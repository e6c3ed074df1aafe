public import TLSPresentation

/// Takes a member out of the group. RFC 9420 section 12.1.3.
/// ```
/// struct { uint32 removed; } Remove;
/// ```
public struct Remove: Hashable, Sendable {
    public var removed: LeafIndex

    public init(removed: LeafIndex) { self.removed = removed }
}

extension Remove: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) { removed = try LeafIndex(from: &reader) }
    public func encode(into writer: inout Writer) { removed.encode(into: &writer) }
}
