import MLSCodec
import TLSPresentation
import TestSupport
import Testing

@Suite("Messages, field by field")
struct FieldTreeTests {
    @Test("a Commit is listed in the order of its bytes, with the RFC's names")
    func commit() {
        let message = Samples.publicMessage(
            .member(LeafIndex(1)),
            .commit(Commit(proposals: [.reference([0xab]), .proposal(.remove(Remove(removed: LeafIndex(2))))])))
        #expect(
            message.fields.map(\.description).joined(separator: "\n") == """
                version: mls10
                wire_format: mls_public_message
                public_message:
                  content:
                    group_id: 01
                    epoch: 2
                    sender:
                      sender_type: member
                      leaf_index: 1
                    authenticated_data: 03
                    content_type: commit
                    commit:
                      proposals:
                        0:
                          type: reference
                          reference: ab
                        1:
                          type: proposal
                          proposal:
                            proposal_type: remove
                            removed: 2
                      path: (absent)
                  auth:
                    signature: 04
                    confirmation_tag: 05
                  membership_tag: 06
                """)
    }

    @Test("a KeyPackage shows its client, and unknown and GREASE values by their numbers")
    func keyPackage() {
        #expect(
            MLSMessage.keyPackage(Samples.keyPackage(Samples.unknown)).fields[2].description == """
                key_package:
                  version: mls10
                  cipher_suite: MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519
                  init_key: 06
                  leaf_node:
                    encryption_key: 01
                    signature_key: 0203
                    credential:
                      credential_type: 0xf000
                      content: 0102
                    capabilities:
                      versions: mls10, 0x0a0a (GREASE)
                      cipher_suites: MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519
                      extensions: last_resort_key_package
                      proposals: self_remove
                      credentials: basic, x509
                    leaf_node_source: key_package
                    lifetime:
                      not_before: 7
                      not_after: 8
                    extensions:
                      0:
                        extension_type: application_id
                        extension_data:
                          application_id: 04
                    signature: 05
                  extensions:
                    0:
                      extension_type: last_resort_key_package
                      extension_data: (empty)
                  signature: 09
                """)
    }

    @Test("an extension's data that is not what its type says is shown as bytes")
    func brokenExtension() {
        let broken = Extension(extensionType: .externalPub, extensionData: [9, 9])
        #expect(
            broken.fields == [
                FieldTree("extension_type", .text("external_pub")), FieldTree("extension_data", .bytes([9, 9])),
            ])
    }

    @Test("nothing is left out: the bytes of every long field of every message can be found")
    func complete() throws {
        for vector in try MessagesVector.all().prefix(50) {
            for bytes in vector.messages {
                let message = try MLSMessage(decoding: bytes)
                // Field after field, the bytes stand in the message in the same order.
                var rest = bytes[...]
                for field in message.fields.flatMap(leaves) where field.count >= 8 {
                    guard let found = rest.firstRange(of: field) else {
                        Issue.record("\(field.hex) is not where it should be")
                        break
                    }
                    rest = rest[found.upperBound...]
                }
            }
        }
    }

    private func leaves(_ field: FieldTree) -> [[UInt8]] {
        switch field.value {
        case .bytes(let bytes): [bytes]
        case .children(let children): children.flatMap(leaves)
        case .text, .number: []
        }
    }
}
