import MLSCodec
import TLSPresentation

/// Whether `bytes` are an MLSMessage, an envelope and a tree of fields have one answer, and it never is a crash.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDecoder(_ start: UnsafePointer<UInt8>?, _ byteCount: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: byteCount))
    var decoded: MLSMessage?
    do throws(DecodingError) { decoded = try MLSMessage(decoding: bytes) } catch { _ = error.description }
    do throws(EnvelopeError) {
        let envelope = try MLSMessageEnvelope(bytes.rawSpan)
        guard let decoded else { fatalError("has an envelope but does not decode") }
        expectAgreement(envelope, decoded, bytes)
    } catch {
        _ = error.description
        let mayLackOne = decoded == nil || error == .applicationDataInPublicMessage
        precondition(mayLackOne, "decodes but has no envelope: \(error)")
    }
    guard let decoded else { return 0 }
    precondition(decoded.encoded == bytes, "decodes to another message")
    precondition(!FieldTree("message", .children(decoded.fields)).description.isEmpty, "a message has fields")
    return 0
}

/// What the envelope says of where the message belongs is what the decoded message says.
private func expectAgreement(_ envelope: MLSMessageEnvelope, _ message: MLSMessage, _ bytes: [UInt8]) {
    switch (envelope.payload, message) {
    case (.publicMessage(let route), .publicMessage(let message)):
        let content = message.content
        precondition(Array(bytes[route.groupID]) == content.groupID && route.epoch == content.epoch)
        precondition(route.sender == content.sender && route.contentType == content.contentType)
        precondition(Array(bytes[route.authenticatedData]) == content.authenticatedData)
        precondition(Array(bytes[route.authenticatedContent]) == message.authenticatedContent.encoded)
        switch (route.content, content.content) {
        case (.proposal(let type), .proposal(let proposal)): precondition(type == proposal.proposalType)
        case (.commit(let proposalCount, let hasPath), .commit(let commit)):
            precondition(proposalCount == commit.proposals.count && hasPath == (commit.path != nil))
        default: fatalError("another content")
        }
    case (.privateMessage(let route), .privateMessage(let message)):
        precondition(Array(bytes[route.groupID]) == message.groupID && route.epoch == message.epoch)
        precondition(route.contentType == message.contentType)
        precondition(Array(bytes[route.authenticatedData]) == message.authenticatedData)
    case (.welcome(let route), .welcome(let message)):
        var newMembers: [[UInt8]] = []
        route.forEachNewMember(in: bytes.rawSpan) { newMembers.append(Array(bytes[$0])) }
        precondition(newMembers == message.secrets.map(\.newMember) && route.secretsCount == newMembers.count)
        precondition(route.cipherSuite == message.cipherSuite)
    case (.groupInfo(let route), .groupInfo(let message)):
        let context = message.groupContext
        precondition(Array(bytes[route.groupID]) == context.groupID && route.epoch == context.epoch)
        precondition(route.cipherSuite == context.cipherSuite && route.signer == message.signer)
        precondition(route.hasRatchetTree == message.extensions.contains { $0.extensionType == .ratchetTree })
        precondition(route.hasExternalPub == message.extensions.contains { $0.extensionType == .externalPub })
    case (.keyPackage(let route), .keyPackage(let message)):
        let leafNode = message.leafNode
        precondition(Array(bytes[route.keyPackage]) == message.encoded && route.cipherSuite == message.cipherSuite)
        precondition(Array(bytes[route.signatureKey]) == leafNode.signatureKey)
        precondition(route.credentialType == leafNode.credential.credentialType)
        precondition(route.isLastResort == message.isLastResort)
        if case .keyPackage(let lifetime) = leafNode.source {
            precondition(route.lifetime == lifetime)
        } else {
            precondition(route.lifetime == nil)
        }
    default: fatalError("another payload")
    }
}
