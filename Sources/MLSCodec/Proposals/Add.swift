public import TLSPresentation

/// Takes a client into the group. RFC 9420 section 12.1.1.
/// ```
/// struct { KeyPackage key_package; } Add;
/// ```
public struct Add: Hashable, Sendable {
    public var keyPackage: KeyPackage

    public init(keyPackage: KeyPackage) { self.keyPackage = keyPackage }
}

extension Add: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) { keyPackage = try KeyPackage(from: &reader) }
    public func encode(into writer: inout Writer) { keyPackage.encode(into: &writer) }
}
