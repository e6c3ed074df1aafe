import MLSCodec
import TLSPresentation
import TestSupport
import Testing

func envelope(of message: [UInt8]) throws(EnvelopeError) -> MLSMessageEnvelope {
    try MLSMessageEnvelope(message.rawSpan)
}

@Suite("MLSMessageEnvelope: routing fields, read in place")
struct EnvelopeTests {
    @Test("an envelope tells of the wire format, and application data in a PublicMessage has an error of its own")
    func wireFormats() throws {
        for vector in try MessagesVector.all() {
            let formats = try vector.messages.map { try envelope(of: $0).wireFormat }
            #expect(
                formats == [
                    .mlsWelcome, .mlsGroupInfo, .mlsKeyPackage, .mlsPublicMessage, .mlsPublicMessage,
                    .mlsPrivateMessage,
                ])
            #expect(throws: EnvelopeError.applicationDataInPublicMessage) {
                try envelope(of: vector.public_message_application.bytes)
            }
        }
    }

    @Test("every truncation of an MLSMessage is malformed, and so is one with a byte behind it")
    func truncations() throws {
        for vector in try MessagesVector.all().prefix(10) {
            for message in vector.messages {
                for count in message.indices {
                    guard let error = refusal(of: Array(message.prefix(count))) else {
                        Issue.record("a message cut after \(count) bytes has an envelope")
                        continue
                    }
                    guard case .malformed(let reason) = error else {
                        Issue.record("\(error) for a message cut after \(count) bytes")
                        continue
                    }
                    #expect(reason.reason == .truncated && reason.byteOffset <= count)
                }
                #expect(
                    refusal(of: message + [0]) == .malformed(DecodingError(.trailingBytes, at: message.count)))
            }
        }
    }

    @Test("another version and an unknown wire format are refused by their numbers")
    func versionsAndFormats() throws {
        let message = try MessagesVector.all()[0].private_message.bytes
        for version in [0, 2, 0x0a0a] as [UInt16] {
            #expect(
                refusal(of: version.encoded + message[2...])
                    == .unsupportedVersion(ProtocolVersion(rawValue: version)))
        }
        for wireFormat in [0, 6, 0x0a0a, 0xf000] as [UInt16] {
            #expect(
                refusal(of: message[..<2] + wireFormat.encoded + message[4...])
                    == .unsupportedWireFormat(WireFormat(rawValue: wireFormat)))
        }
        #expect(refusal(of: []) == .malformed(DecodingError(.truncated, at: 0)))
    }

    @Test("a PrivateMessage's fields stand where the envelope says")
    func privateMessage() throws {
        var writer = Writer()
        writer.integer(1 as UInt16)
        writer.integer(2 as UInt16)
        writer.opaque([0xaa, 0xbb])
        writer.integer(7 as UInt64)
        writer.integer(3 as UInt8)
        writer.opaque([0xcc])
        writer.opaque([1, 2, 3])
        writer.opaque([4])
        let message = writer.bytes
        let envelope = try envelope(of: message)
        guard case .privateMessage(let route) = envelope.payload else {
            Issue.record("not a PrivateMessage")
            return
        }
        #expect(message[route.groupID] == [0xaa, 0xbb] && message[route.authenticatedData] == [0xcc])
        #expect(route.epoch == 7 && route.contentType == .commit)
        #expect(envelope.groupID == route.groupID && envelope.epoch == 7 && envelope.contentType == .commit)

        for contentType in [0, 4, 255] as [UInt8] {
            var wrong = message
            wrong[15] = contentType
            #expect(
                refusal(of: wrong)
                    == .malformed(
                        DecodingError(.unknownValue(type: "ContentType", value: UInt64(contentType)), at: 15)))
        }
    }

    private func refusal(of message: [UInt8]) -> EnvelopeError? {
        do throws(EnvelopeError) {
            _ = try envelope(of: message)
            return nil
        } catch { return error }
    }
}
