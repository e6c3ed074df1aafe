public import TLSPresentation

/// What is signed where a label says what for. RFC 9420 section 5.1.2.
/// ```
/// struct { opaque label<V>; opaque content<V>; } SignContent;
/// ```
public struct SignContent: Hashable, Sendable, TLSCodable {
    /// What the labels of MLS begin with. A protocol beside MLS begins its own with something else, so that no
    /// signature made for one means anything in the other.
    public static let mlsLabelPrefix = "MLS 1.0 "

    /// The whole label, prefix and all, in UTF-8.
    public var label: [UInt8]
    public var content: [UInt8]

    public init(label: String, content: RawSpan, prefix: String = mlsLabelPrefix) {
        self.label = Array((prefix + label).utf8)
        self.content = [UInt8](content)
    }

    public init(from reader: inout Reader) throws(DecodingError) {
        label = try reader.opaque()
        content = try reader.opaque()
    }

    public func encode(into writer: inout Writer) {
        writer.opaque(label)
        writer.opaque(content)
    }

    /// The encoding of a SignContent, from a content that is copied only once.
    static func encoding(label: String, content: RawSpan, prefix: String) -> [UInt8] {
        var writer = Writer()
        writer.reserve(prefix.utf8.count + label.utf8.count + content.byteCount + 8)
        writer.varint(prefix.utf8.count + label.utf8.count)
        writer.raw(prefix.utf8)
        writer.raw(label.utf8)
        writer.opaque(content)
        return writer.bytes
    }
}

extension SigningKey {
    /// `SignWithLabel(SignatureKey, Label, Content)`. RFC 9420 section 5.1.2.
    public func signWithLabel(
        _ label: String, content: RawSpan, prefix: String = SignContent.mlsLabelPrefix
    ) throws(CryptoError) -> [UInt8] {
        try sign(SignContent.encoding(label: label, content: content, prefix: prefix).rawSpan)
    }
}

extension SignaturePublicKey {
    /// `VerifyWithLabel(VerificationKey, Label, Content, SignatureValue)`. RFC 9420 section 5.1.2.
    public func verifyWithLabel(
        _ label: String, content: RawSpan, signature: RawSpan, prefix: String = SignContent.mlsLabelPrefix
    ) -> Bool {
        verify(
            signature: signature,
            message: SignContent.encoding(label: label, content: content, prefix: prefix).rawSpan)
    }
}
