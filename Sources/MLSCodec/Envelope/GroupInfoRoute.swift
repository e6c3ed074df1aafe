import TLSPresentation

/// What a GroupInfo says about its group. RFC 9420 section 12.4.3.
public struct GroupInfoRoute: Hashable, Sendable {
    public let cipherSuite: CipherSuite
    public let groupID: Range<Int>
    public let epoch: UInt64
    /// Whether the ratchet tree comes with it, as an extension.
    public let hasRatchetTree: Bool
    /// Whether it has the key that an external commit needs, as an extension.
    public let hasExternalPub: Bool
    public let signer: LeafIndex

    init(from reader: inout Reader) throws(DecodingError) {
        let context = try Walk.groupContext(&reader)
        cipherSuite = context.cipherSuite
        groupID = context.groupID
        epoch = context.epoch
        let extensions = try Walk.extensions(&reader)
        hasRatchetTree = extensions.contains(.ratchetTree)
        hasExternalPub = extensions.contains(.externalPub)
        // confirmation_tag
        _ = try reader.opaqueRange()
        signer = try LeafIndex(from: &reader)
        // signature
        _ = try reader.opaqueRange()
    }
}
