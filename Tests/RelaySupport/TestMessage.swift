public import MLSCodec
import MLSCrypto
public import RelayCore
import RelayWire
import TLSPresentation

/// An MLSMessage as a relay sees it: well formed, and what is encrypted or signed is just a text.
public struct TestMessage: Hashable, Sendable {
    public var bytes: [UInt8]

    public init(bytes: [UInt8]) { self.bytes = bytes }

    private init(_ wireFormat: WireFormat, _ body: (inout Writer) -> Void) {
        var writer = Writer()
        MLSCodec.ProtocolVersion.mls10.encode(into: &writer)
        wireFormat.encode(into: &writer)
        body(&writer)
        bytes = writer.bytes
    }

    // MARK: Messages of a group

    public static func application(_ text: String, _ group: String, _ epoch: UInt64) -> Self {
        privateMessage(.application, text, Array(group.utf8), epoch)
    }
    public static func proposal(_ text: String, _ group: String, _ epoch: UInt64) -> Self {
        privateMessage(.proposal, text, Array(group.utf8), epoch)
    }
    /// A Commit that ends `epoch`.
    public static func commit(_ text: String, _ group: String, _ epoch: UInt64) -> Self {
        privateMessage(.commit, text, Array(group.utf8), epoch)
    }

    /// A Commit of somebody who joins by it.
    public static func externalCommit(_ text: String, _ group: String, _ epoch: UInt64) -> Self {
        let message = PublicMessage(
            content: FramedContent(
                groupID: Array(group.utf8), epoch: epoch, sender: .newMemberCommit,
                content: .commit(Commit(proposals: [], path: nil))),
            auth: FramedContentAuthData(signature: Array(text.utf8), confirmationTag: [1]))
        return Self(bytes: MLSMessage.publicMessage(message).encoded)
    }

    public static func privateMessage(
        _ contentType: ContentType, _ text: String, _ groupID: [UInt8], _ epoch: UInt64
    ) -> Self {
        Self(.mlsPrivateMessage) { writer in
            writer.opaque(groupID)
            writer.integer(epoch)
            contentType.encode(into: &writer)
            writer.opaque([])
            writer.opaque("sender".utf8)
            writer.opaque(text.utf8)
        }
    }

    /// The GroupInfo of `epoch`.
    public static func groupInfo(_ text: String, _ group: String, _ epoch: UInt64) -> Self {
        Self(.mlsGroupInfo) { writer in
            MLSCodec.ProtocolVersion.mls10.encode(into: &writer)
            writer.integer(1 as UInt16)
            writer.opaque(group.utf8)
            writer.integer(epoch)
            for _ in 0..<2 { writer.opaque("hash".utf8) }
            for _ in 0..<2 { writer.vector { _ in } }
            writer.opaque("tag".utf8)
            writer.integer(0 as UInt32)
            writer.opaque(text.utf8)
        }
    }

    // MARK: Messages to clients

    /// A Welcome for the owners of these KeyPackages.
    public static func welcome(_ text: String, to references: [[UInt8]]) -> Self {
        Self(.mlsWelcome) { writer in
            writer.integer(1 as UInt16)
            writer.vector { writer in
                for reference in references {
                    writer.opaque(reference)
                    writer.opaque("kem".utf8)
                    writer.opaque("secrets".utf8)
                }
            }
            writer.opaque(text.utf8)
        }
    }

    /// A KeyPackage; equal texts give the same one.
    /// - Parameters:
    ///   - key: of its leaf; nil for whatever key the client has that publishes it in a `TestRelay`.
    ///   - notAfter: in seconds.
    public static func keyPackage(
        _ text: String, suite: UInt16 = 1, isLastResort: Bool = false, key: [UInt8]? = nil, notAfter: UInt64 = .max
    ) -> Self {
        Self(.mlsKeyPackage) { writer in
            MLSCodec.ProtocolVersion.mls10.encode(into: &writer)
            writer.integer(suite)
            writer.opaque(text.utf8)
            writeLeafNode(key ?? publishersKey, notAfter, into: &writer)
            writer.vector { writer in
                guard isLastResort else { return }
                ExtensionType.lastResort.encode(into: &writer)
                writer.opaque([])
            }
            writer.opaque("signature".utf8)
        }
    }

    /// Stands for the key of whoever publishes the KeyPackage.
    static let publishersKey = Array("signature key".utf8)

    private static func writeLeafNode(_ key: [UInt8], _ notAfter: UInt64, into writer: inout Writer) {
        writer.opaque("encryption key".utf8)
        writer.opaque(key)
        CredentialType.basic.encode(into: &writer)
        writer.opaque("identity".utf8)
        for _ in 0..<5 { writer.vector { _ in } }
        writer.integer(LeafNodeSource.keyPackage.rawValue)
        writer.integer(0 as UInt64)
        writer.integer(notAfter)
        writer.vector { _ in }
        writer.opaque("signature".utf8)
    }

    // MARK: As a relay reads it

    /// The KeyPackageRef of a KeyPackage.
    public var reference: [UInt8] {
        guard case .keyPackage(let keyPackage) = route(at: 0) else { preconditionFailure("a KeyPackage") }
        return keyPackage.reference
    }

    /// The route of this message when it stands at `offset` of a batch's bytes.
    public func route(at offset: Int) -> MessageToPublish.Route {
        let envelope: MLSMessageEnvelope
        do throws(EnvelopeError) {
            envelope = try MLSMessageEnvelope(bytes.rawSpan)
        } catch {
            preconditionFailure("a test publishes what is no MLSMessage: \(error)")
        }
        func moved(_ range: Range<Int>) -> Range<Int> { range.lowerBound + offset..<range.upperBound + offset }
        switch envelope.payload {
        case .privateMessage(let route):
            return .group(
                groupID: moved(route.groupID), epoch: Epoch(rawValue: route.epoch),
                isCommit: route.contentType == .commit)
        case .publicMessage(let route):
            return .group(
                groupID: moved(route.groupID), epoch: Epoch(rawValue: route.epoch),
                isCommit: route.contentType == .commit)
        case .groupInfo(let route):
            return .groupInfo(groupID: moved(route.groupID), epoch: Epoch(rawValue: route.epoch))
        case .welcome(let route):
            var references: [[UInt8]] = []
            route.forEachNewMember(in: bytes.rawSpan) { references.append(Array(bytes[$0])) }
            return .welcome(references: references)
        case .keyPackage(let route):
            do {
                let reference = try keyPackageRef(
                    of: bytes.rawSpan.extracting(route.keyPackage), suite: route.cipherSuite)
                return .keyPackage(
                    PublishedKeyPackage(
                        reference: reference, cipherSuite: route.cipherSuite, isLastResort: route.isLastResort,
                        signatureKey: Array(bytes[route.signatureKey]),
                        notAfter: Timestamp(seconds: route.lifetime?.notAfter ?? 0)))
            } catch {
                preconditionFailure("a test publishes a KeyPackage of an unknown suite: \(error)")
            }
        }
    }
}
