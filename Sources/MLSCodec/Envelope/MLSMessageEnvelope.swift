import TLSPresentation

/// What an MLSMessage says in the clear about where it belongs, read in place: nothing is copied or allocated.
///
/// All of the message is walked, so that whatever has an envelope also decodes, and nothing follows it. Ranges are
/// of the message's bytes; the envelope does not keep these.
public struct MLSMessageEnvelope: Hashable, Sendable {
    public enum Payload: Hashable, Sendable {
        case publicMessage(PublicMessageRoute)
        case privateMessage(PrivateMessageRoute)
        case welcome(WelcomeRoute)
        case groupInfo(GroupInfoRoute)
        case keyPackage(KeyPackageRoute)
    }

    public let payload: Payload

    /// Always mls10: a message of another version has no envelope.
    public var version: ProtocolVersion { .mls10 }

    public var wireFormat: WireFormat {
        switch payload {
        case .publicMessage: .mlsPublicMessage
        case .privateMessage: .mlsPrivateMessage
        case .welcome: .mlsWelcome
        case .groupInfo: .mlsGroupInfo
        case .keyPackage: .mlsKeyPackage
        }
    }

    /// The group that the message names; nil for a Welcome and a KeyPackage, which name none.
    public var groupID: Range<Int>? {
        switch payload {
        case .publicMessage(let route): route.groupID
        case .privateMessage(let route): route.groupID
        case .groupInfo(let route): route.groupID
        case .welcome, .keyPackage: nil
        }
    }

    /// The epoch that the message is of; nil for a Welcome and a KeyPackage.
    public var epoch: UInt64? {
        switch payload {
        case .publicMessage(let route): route.epoch
        case .privateMessage(let route): route.epoch
        case .groupInfo(let route): route.epoch
        case .welcome, .keyPackage: nil
        }
    }

    /// What a framed message is; nil for the others.
    public var contentType: ContentType? {
        switch payload {
        case .publicMessage(let route): route.contentType
        case .privateMessage(let route): route.contentType
        case .welcome, .groupInfo, .keyPackage: nil
        }
    }

    /// Reads the envelope of `message`, which is one MLSMessage and nothing else.
    public init(_ message: RawSpan) throws(EnvelopeError) {
        var reader = Reader(message)
        let version: ProtocolVersion
        let wireFormat: WireFormat
        do throws(DecodingError) {
            version = try ProtocolVersion(from: &reader)
            wireFormat = try WireFormat(from: &reader)
        } catch { throw .malformed(error) }
        guard version == .mls10 else { throw .unsupportedVersion(version) }

        let payload: Payload?
        do throws(DecodingError) {
            payload = try Self.payload(wireFormat, from: &reader)
            if payload != nil { try reader.expectEnd() }
        } catch { throw .malformed(error) }
        guard let payload else {
            throw wireFormat == .mlsPublicMessage ? .applicationDataInPublicMessage : .unsupportedWireFormat(wireFormat)
        }
        self.payload = payload
    }

    /// The payload of an MLSMessage; nil where RFC 9420 has none such: an unknown wire format, or application data in
    /// a PublicMessage.
    private static func payload(_ wireFormat: WireFormat, from reader: inout Reader) throws(DecodingError) -> Payload? {
        switch wireFormat {
        case .mlsPublicMessage: try PublicMessageRoute.read(from: &reader).map { .publicMessage($0) }
        case .mlsPrivateMessage: .privateMessage(try PrivateMessageRoute(from: &reader))
        case .mlsWelcome: .welcome(try WelcomeRoute(from: &reader))
        case .mlsGroupInfo: .groupInfo(try GroupInfoRoute(from: &reader))
        case .mlsKeyPackage: .keyPackage(try KeyPackageRoute(from: &reader))
        default: nil
        }
    }
}
