public import TLSPresentation

/// Lets a KeyPackage be handed out again when no other of its client's is left; it holds nothing.
/// draft-ietf-mls-extensions.
public struct LastResort: ExtensionBody {
    public static var extensionType: ExtensionType { .lastResort }

    public init() {}

    public init(from reader: inout Reader) throws(DecodingError) {}
    public func encode(into writer: inout Writer) {}
}
