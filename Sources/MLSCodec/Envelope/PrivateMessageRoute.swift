import TLSPresentation

/// What a PrivateMessage says in the clear. RFC 9420 section 6.3.
public struct PrivateMessageRoute: Hashable, Sendable {
    public let groupID: Range<Int>
    public let epoch: UInt64
    public let contentType: ContentType
    public let authenticatedData: Range<Int>

    init(from reader: inout Reader) throws(DecodingError) {
        groupID = try reader.opaqueRange()
        epoch = try reader.uint64()
        contentType = try ContentType(from: &reader)
        authenticatedData = try reader.opaqueRange()
        // encrypted_sender_data, ciphertext
        _ = try reader.opaqueRange()
        _ = try reader.opaqueRange()
    }
}
