public import TLSPresentation

/// The body of any frame, encoded: what one part of a relay hands to another that only sends it.
public struct EncodedFrame: Hashable, Sendable {
    public let type: FrameType
    /// The body's structure, without the frame's header.
    public let body: [UInt8]

    public init<Body: FrameBody>(_ body: Body) {
        type = Body.type
        self.body = body.encoded
    }

    /// Appends the whole frame, length included.
    public func writeFrame(_ requestID: RequestID, into writer: inout Writer) {
        writer.varint(FrameHeader.byteCount + body.count)
        writer.integer(type.rawValue)
        requestID.encode(into: &writer)
        writer.raw(body)
    }

    /// The body, decoded.
    /// - Throws: also when the frame is of another type (`unknownValue`).
    public func decoded<Body: FrameBody>(as bodyType: Body.Type = Body.self) throws(DecodingError) -> Body {
        guard type == Body.type else {
            throw DecodingError(.unknownValue(type: "FrameType", value: UInt64(type.rawValue)), at: 0)
        }
        return try Body(decoding: body)
    }
}
