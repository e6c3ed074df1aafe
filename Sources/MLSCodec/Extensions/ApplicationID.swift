public import TLSPresentation

/// A name that the application gives a leaf; nobody vouches for it. RFC 9420 section 5.3.3.
/// ```
/// opaque application_id<V>;
/// ```
public struct ApplicationID: ExtensionBody {
    public static var extensionType: ExtensionType { .applicationID }

    public var applicationID: [UInt8]

    public init(_ applicationID: [UInt8]) { self.applicationID = applicationID }

    public init(from reader: inout Reader) throws(DecodingError) { applicationID = try reader.opaque() }
    public func encode(into writer: inout Writer) { writer.opaque(applicationID) }
}
