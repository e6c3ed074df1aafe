import Foundation
import MLSCodec
import TLSPresentation
import TestSupport
import Testing

@Suite("The envelope and the decoded message agree")
struct EnvelopeAgreementTests {
    @Test("on every field of every message of messages.json")
    func fields() throws {
        for vector in try MessagesVector.all() {
            for bytes in vector.messages { try expectAgreement(bytes) }
        }
    }

    @Test("on which bytes are a message, whatever single byte is changed")
    func mutations() throws {
        for vector in try MessagesVector.all().prefix(3) {
            for message in vector.messages {
                for position in message.indices {
                    for change in [0x01, 0x02, 0x40, 0x80, 0xff] as [UInt8] {
                        var mutated = message
                        mutated[position] ^= change
                        try expectSameVerdict(mutated)
                    }
                    try expectSameVerdict(Array(message[..<position] + message[(position + 1)...]))
                    try expectSameVerdict(Array(message[...position] + message[position...]))
                }
            }
        }
    }

    @Test("on messages with what the vectors lack, whatever single byte is changed or added")
    func handmade() throws {
        for message in Samples.messages {
            let bytes = message.encoded
            try expectAgreement(bytes)
            for position in bytes.indices {
                for change in Array(1...16) + [0x20, 0x40, 0x80, 0xc0, 0xff] as [UInt8] {
                    var mutated = bytes
                    mutated[position] ^= change
                    try expectSameVerdict(mutated)
                }
                try expectSameVerdict(Array(bytes.prefix(position)))
                try expectSameVerdict(Array(bytes[...position] + bytes[position...]))
            }
        }
    }

    @Test("on the fuzzer's corpus, which has what crashed once and all samples")
    func corpus() throws {
        // This file is Tests/MLSCodecTests/EnvelopeAgreementTests.swift.
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fuzz/decoder/corpus")
        let corpus = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .map { try [UInt8](Data(contentsOf: $0)) }
        for bytes in corpus { try expectSameVerdict(bytes) }
        for message in Samples.messages { #expect(corpus.contains(message.encoded)) }
    }

    /// Both take `bytes` or both refuse them, but for application data in a PublicMessage, which only decodes.
    private func expectSameVerdict(_ bytes: [UInt8]) throws {
        let decoded: Bool
        do throws(DecodingError) {
            // What decodes encodes to the same bytes.
            let message = try MLSMessage(decoding: bytes)
            guard message.encoded == bytes else {
                Issue.record("decodes to another message: \(bytes.hex)")
                return
            }
            decoded = true
        } catch { decoded = false }
        do throws(EnvelopeError) {
            _ = try envelope(of: bytes)
            if !decoded { Issue.record("has an envelope but does not decode: \(bytes.hex)") }
        } catch {
            if decoded && error != .applicationDataInPublicMessage {
                Issue.record("decodes but has no envelope: \(error) \(bytes.hex)")
            }
        }
        if decoded { try expectAgreement(bytes) }
    }

    private func expectAgreement(_ bytes: [UInt8]) throws {
        let message = try MLSMessage(decoding: bytes)
        if case .publicMessage(let message) = message, message.content.contentType == .application { return }
        let envelope = try envelope(of: bytes)
        guard envelope.wireFormat == message.wireFormat else {
            Issue.record("\(envelope.wireFormat) and \(message.wireFormat)")
            return
        }
        switch (envelope.payload, message) {
        case (.publicMessage(let route), .publicMessage(let message)):
            let content = message.content
            #expect(Array(bytes[route.groupID]) == content.groupID && route.epoch == content.epoch)
            #expect(route.sender == content.sender && route.contentType == content.contentType)
            #expect(Array(bytes[route.authenticatedData]) == content.authenticatedData)
            #expect(Array(bytes[route.authenticatedContent]) == message.authenticatedContent.encoded)
            switch (route.content, content.content) {
            case (.proposal(let type), .proposal(let proposal)): #expect(type == proposal.proposalType)
            case (.commit(let proposalCount, let hasPath), .commit(let commit)):
                #expect(proposalCount == commit.proposals.count && hasPath == (commit.path != nil))
            default: Issue.record("another content")
            }
        case (.privateMessage(let route), .privateMessage(let message)):
            #expect(Array(bytes[route.groupID]) == message.groupID && route.epoch == message.epoch)
            #expect(route.contentType == message.contentType)
            #expect(Array(bytes[route.authenticatedData]) == message.authenticatedData)
        case (.welcome(let route), .welcome(let message)):
            var newMembers: [[UInt8]] = []
            route.forEachNewMember(in: bytes.rawSpan) { newMembers.append(Array(bytes[$0])) }
            #expect(newMembers == message.secrets.map(\.newMember) && route.secretsCount == newMembers.count)
            #expect(route.cipherSuite == message.cipherSuite)
        case (.groupInfo(let route), .groupInfo(let message)):
            let context = message.groupContext
            #expect(Array(bytes[route.groupID]) == context.groupID && route.epoch == context.epoch)
            #expect(route.cipherSuite == context.cipherSuite && route.signer == message.signer)
            #expect(route.hasRatchetTree == message.extensions.contains { $0.extensionType == .ratchetTree })
            #expect(route.hasExternalPub == message.extensions.contains { $0.extensionType == .externalPub })
        case (.keyPackage(let route), .keyPackage(let message)):
            let leafNode = message.leafNode
            #expect(Array(bytes[route.keyPackage]) == message.encoded && route.cipherSuite == message.cipherSuite)
            #expect(Array(bytes[route.signatureKey]) == leafNode.signatureKey)
            #expect(route.credentialType == leafNode.credential.credentialType)
            switch leafNode.credential {
            case .basic(let content), .other(_, let content):
                #expect(Array(bytes[route.credentialIdentity]) == content)
            case .x509(let certificates):
                var writer = Writer()
                for certificate in certificates { certificate.encode(into: &writer) }
                #expect(Array(bytes[route.credentialIdentity]) == writer.bytes)
            }
            switch leafNode.source {
            case .keyPackage(let lifetime): #expect(route.lifetime == lifetime)
            case .update, .commit: #expect(route.lifetime == nil)
            }
            #expect(route.isLastResort == message.isLastResort)
        default: Issue.record("another payload")
        }
    }
}
