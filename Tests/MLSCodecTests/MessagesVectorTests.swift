import MLSCodec
import TLSPresentation
import TestSupport
import Testing

@Suite("Official vectors: messages.json")
struct MessagesVectorTests {
    @Test("all 17 objects of all cases decode, and encode to the same bytes")
    func roundTrips() throws {
        for vector in try MessagesVector.all() {
            try expectRoundTrip(vector.mls_welcome, MLSMessage.self)
            try expectRoundTrip(vector.mls_group_info, MLSMessage.self)
            try expectRoundTrip(vector.mls_key_package, MLSMessage.self)
            try expectRoundTrip(vector.ratchet_tree, RatchetTree.self)
            try expectRoundTrip(vector.group_secrets, GroupSecrets.self)
            try expectRoundTrip(vector.add_proposal, Add.self)
            try expectRoundTrip(vector.update_proposal, Update.self)
            try expectRoundTrip(vector.remove_proposal, Remove.self)
            try expectRoundTrip(vector.pre_shared_key_proposal, PreSharedKey.self)
            try expectRoundTrip(vector.re_init_proposal, ReInit.self)
            try expectRoundTrip(vector.external_init_proposal, ExternalInit.self)
            try expectRoundTrip(vector.group_context_extensions_proposal, GroupContextExtensions.self)
            try expectRoundTrip(vector.commit, Commit.self)
            try expectRoundTrip(vector.public_message_application, MLSMessage.self)
            try expectRoundTrip(vector.public_message_proposal, MLSMessage.self)
            try expectRoundTrip(vector.public_message_commit, MLSMessage.self)
            try expectRoundTrip(vector.private_message, MLSMessage.self)
        }
    }

    private func expectRoundTrip<Value: TLSCodable>(_ hex: Hex, _ type: Value.Type) throws {
        let value = try Value(decoding: hex.bytes)
        #expect(value.encoded == hex.bytes, "\(type)")
    }

    /// In parts, so that every processor has something to do: all of them take a minute of one in debug.
    @Test("every truncation of an object throws, and so does a byte behind it", arguments: 0..<8)
    func truncations(part: Int) throws {
        for (number, vector) in try MessagesVector.all().enumerated() where number % 8 == part {
            func expectRefusals<Value: TLSCodable>(_ hex: Hex, _ type: Value.Type) {
                let decoded = hex.bytes.indices.filter { count in
                    let bytes = Array(hex.bytes[..<count])
                    return (try? Value(decoding: bytes)) != nil
                }
                #expect(decoded.isEmpty, "\(type) of case \(number)")
                #expect(throws: DecodingError(.trailingBytes, at: hex.bytes.count)) {
                    try Value(decoding: hex.bytes + [0])
                }
            }
            expectRefusals(vector.mls_welcome, MLSMessage.self)
            expectRefusals(vector.mls_group_info, MLSMessage.self)
            expectRefusals(vector.mls_key_package, MLSMessage.self)
            expectRefusals(vector.public_message_application, MLSMessage.self)
            expectRefusals(vector.public_message_proposal, MLSMessage.self)
            expectRefusals(vector.public_message_commit, MLSMessage.self)
            expectRefusals(vector.private_message, MLSMessage.self)
            expectRefusals(vector.ratchet_tree, RatchetTree.self)
            expectRefusals(vector.group_secrets, GroupSecrets.self)
            expectRefusals(vector.add_proposal, Add.self)
            expectRefusals(vector.update_proposal, Update.self)
            expectRefusals(vector.remove_proposal, Remove.self)
            expectRefusals(vector.pre_shared_key_proposal, PreSharedKey.self)
            expectRefusals(vector.re_init_proposal, ReInit.self)
            expectRefusals(vector.external_init_proposal, ExternalInit.self)
            expectRefusals(vector.group_context_extensions_proposal, GroupContextExtensions.self)
            expectRefusals(vector.commit, Commit.self)
        }
    }

    @Test("the bodies of the extensions that the RFC defines decode, and encode to the same bytes")
    func extensionBodies() throws {
        var seen: Set<ExtensionType> = []
        func check<Body: ExtensionBody>(_ extensions: [Extension], _ type: Body.Type) throws {
            for found in extensions {
                guard let body = try found.body(type) else { continue }
                seen.insert(found.extensionType)
                #expect(Extension(body) == found)
            }
        }
        for vector in try MessagesVector.all() {
            guard case .groupInfo(let info) = try MLSMessage(decoding: vector.mls_group_info.bytes) else { continue }
            for extensions in [info.extensions, info.groupContext.extensions] {
                try check(extensions, RatchetTree.self)
                try check(extensions, ExternalPub.self)
                try check(extensions, RequiredCapabilities.self)
                try check(extensions, ExternalSenders.self)
                try check(extensions, ApplicationID.self)
            }
        }
        #expect(seen.isSuperset(of: [.ratchetTree, .externalPub, .requiredCapabilities]))
    }
}
