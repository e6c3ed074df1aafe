/// A value that has one encoding in the TLS presentation language.
public protocol TLSEncodable {
    func encode(into writer: inout Writer)
}

/// A value that can be read from its encoding in the TLS presentation language.
///
/// Decoding is strict: it throws unless encoding the value gives back the same bytes.
public protocol TLSDecodable {
    init(from reader: inout Reader) throws(DecodingError)
}

public typealias TLSCodable = TLSEncodable & TLSDecodable

extension TLSEncodable {
    /// The encoding of this value.
    public var encoded: [UInt8] {
        var writer = Writer()
        encode(into: &writer)
        return writer.bytes
    }
}

extension TLSDecodable {
    /// Decodes a value from all of `span`.
    /// - Throws: also when bytes are left over (`trailingBytes`).
    public init(decoding span: RawSpan) throws(DecodingError) {
        var reader = Reader(span)
        try self.init(from: &reader)
        try reader.expectEnd()
    }

    /// Decodes a value from all of `bytes`.
    /// - Throws: also when bytes are left over (`trailingBytes`).
    public init(decoding bytes: [UInt8]) throws(DecodingError) {
        try self.init(decoding: bytes.rawSpan)
    }
}

/// A number that a registry or a closed list gives a meaning; unknown ones survive decoding and encoding.
public protocol TLSRegistered: RawRepresentable, TLSCodable where RawValue: FixedWidthInteger & BitwiseCopyable {
    init(rawValue: RawValue)
}

extension TLSRegistered {
    @inlinable
    public init(from reader: inout Reader) throws(DecodingError) { self.init(rawValue: try reader.integer()) }
    @inlinable
    public func encode(into writer: inout Writer) { writer.integer(rawValue) }
}

extension UInt8: TLSCodable {
    @inlinable
    public init(from reader: inout Reader) throws(DecodingError) { self = try reader.integer() }
    @inlinable
    public func encode(into writer: inout Writer) { writer.integer(self) }
}
extension UInt16: TLSCodable {
    @inlinable
    public init(from reader: inout Reader) throws(DecodingError) { self = try reader.integer() }
    @inlinable
    public func encode(into writer: inout Writer) { writer.integer(self) }
}
extension UInt32: TLSCodable {
    @inlinable
    public init(from reader: inout Reader) throws(DecodingError) { self = try reader.integer() }
    @inlinable
    public func encode(into writer: inout Writer) { writer.integer(self) }
}
extension UInt64: TLSCodable {
    @inlinable
    public init(from reader: inout Reader) throws(DecodingError) { self = try reader.integer() }
    @inlinable
    public func encode(into writer: inout Writer) { writer.integer(self) }
}

/// A closed list of values, `enum { … } Name`; a value that is not in it is refused.
public protocol TLSEnumerated: RawRepresentable, TLSCodable
where RawValue: FixedWidthInteger & UnsignedInteger & BitwiseCopyable {
    /// The name of the list, for the error.
    static var enumerationName: StaticStringName { get }
}

extension TLSEnumerated {
    @inlinable
    public init(from reader: inout Reader) throws(DecodingError) {
        let start = reader.byteOffset
        let rawValue: RawValue = try reader.integer()
        guard let value = Self(rawValue: rawValue) else {
            throw DecodingError(.unknownValue(type: Self.enumerationName, value: UInt64(rawValue)), at: start)
        }
        self = value
    }
    public func encode(into writer: inout Writer) { writer.integer(rawValue) }
}
