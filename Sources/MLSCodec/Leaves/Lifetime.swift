public import TLSPresentation

/// When a KeyPackage may be used: seconds since 1970, both ends included. RFC 9420 section 7.2.
/// ```
/// struct { uint64 not_before; uint64 not_after; } Lifetime;
/// ```
public struct Lifetime: Hashable, Sendable {
    public var notBefore: UInt64
    public var notAfter: UInt64

    public init(notBefore: UInt64, notAfter: UInt64) {
        self.notBefore = notBefore
        self.notAfter = notAfter
    }
}

extension Lifetime: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        notBefore = try reader.uint64()
        notAfter = try reader.uint64()
    }

    public func encode(into writer: inout Writer) {
        writer.integer(notBefore)
        writer.integer(notAfter)
    }
}
