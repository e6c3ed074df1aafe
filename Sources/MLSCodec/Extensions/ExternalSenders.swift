public import TLSPresentation

/// Somebody outside of a group who may propose to it. RFC 9420 section 12.1.8.1.
/// ```
/// struct { SignaturePublicKey signature_key; Credential credential; } ExternalSender;
/// ```
public struct ExternalSender: Hashable, Sendable {
    public var signatureKey: [UInt8]
    public var credential: Credential

    public init(signatureKey: [UInt8], credential: Credential) {
        self.signatureKey = signatureKey
        self.credential = credential
    }
}

extension ExternalSender: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        signatureKey = try reader.opaque()
        credential = try Credential(from: &reader)
    }

    public func encode(into writer: inout Writer) {
        writer.opaque(signatureKey)
        credential.encode(into: &writer)
    }
}

/// All who may; a `Sender`'s `sender_index` counts in this list. RFC 9420 section 12.1.8.1.
/// ```
/// ExternalSender external_senders<V>;
/// ```
public struct ExternalSenders: ExtensionBody {
    public static var extensionType: ExtensionType { .externalSenders }

    public var externalSenders: [ExternalSender]

    public init(_ externalSenders: [ExternalSender]) { self.externalSenders = externalSenders }

    public init(from reader: inout Reader) throws(DecodingError) { externalSenders = try reader.vector() }
    public func encode(into writer: inout Writer) { writer.vector(externalSenders) }
}
