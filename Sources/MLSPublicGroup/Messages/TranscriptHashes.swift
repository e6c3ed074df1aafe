public import MLSCodec
public import MLSCrypto
public import TLSPresentation

/// What a Commit adds to the confirmed transcript hash. RFC 9420 section 8.2.
/// ```
/// struct {
///     WireFormat wire_format;
///     FramedContent content; /* with content_type == commit */
///     opaque signature<V>;
/// } ConfirmedTranscriptHashInput;
/// ```
public struct ConfirmedTranscriptHashInput: TLSEncodable, Hashable, Sendable {
    public var wireFormat: WireFormat
    public var content: FramedContent
    public var signature: [UInt8]

    public init(wireFormat: WireFormat, content: FramedContent, signature: [UInt8]) {
        self.wireFormat = wireFormat
        self.content = content
        self.signature = signature
    }

    public init(_ message: AuthenticatedContent) {
        self.init(wireFormat: message.wireFormat, content: message.content, signature: message.auth.signature)
    }

    public func encode(into writer: inout Writer) {
        wireFormat.encode(into: &writer)
        content.encode(into: &writer)
        writer.opaque(signature)
    }

    /// `confirmed_transcript_hash_[epoch]`, from the interim one of the epoch before. RFC 9420 section 8.2.
    public func confirmedTranscriptHash(after interimTranscriptHash: [UInt8], _ algorithm: HashAlgorithm) -> [UInt8] {
        var writer = Writer()
        writer.raw(interimTranscriptHash)
        encode(into: &writer)
        let bytes = writer.bytes
        return algorithm.hash(bytes.rawSpan)
    }
}

/// What a Commit adds to the interim transcript hash. RFC 9420 section 8.2.
/// ```
/// struct { MAC confirmation_tag; } InterimTranscriptHashInput;
/// ```
public struct InterimTranscriptHashInput: TLSEncodable, Hashable, Sendable {
    public var confirmationTag: [UInt8]

    public init(confirmationTag: [UInt8]) { self.confirmationTag = confirmationTag }

    public func encode(into writer: inout Writer) { writer.opaque(confirmationTag) }

    /// `interim_transcript_hash_[epoch]`, from the confirmed one of the same epoch. RFC 9420 section 8.2; for epoch 0 it
    /// is made from the empty confirmed hash too, as section 11 says.
    public func interimTranscriptHash(after confirmedTranscriptHash: [UInt8], _ algorithm: HashAlgorithm) -> [UInt8] {
        var writer = Writer()
        writer.raw(confirmedTranscriptHash)
        encode(into: &writer)
        let bytes = writer.bytes
        return algorithm.hash(bytes.rawSpan)
    }
}
