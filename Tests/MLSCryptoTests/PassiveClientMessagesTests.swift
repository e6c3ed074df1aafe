import MLSCodec
import MLSCrypto
import TLSPresentation
import TestSupport
import Testing

/// The MLSMessages of the passive client's files; what they do to a group is tested elsewhere.
@Suite("Official vectors: the messages of passive-client-welcome.json and passive-client-handling-commit.json")
struct PassiveClientMessagesTests {
    struct Case: Decodable {
        struct Epoch: Decodable {
            let proposals: [Hex]
            let commit: Hex
        }

        let cipher_suite: UInt16
        let key_package: Hex
        let welcome: Hex
        let ratchet_tree: Hex?
        let epochs: [Epoch]
    }

    static let files = ["passive-client-welcome.json", "passive-client-handling-commit.json"]

    @Test("all decode, and encode to the same bytes", arguments: files)
    func roundTrips(file: String) throws {
        for vector in try Vectors.load(file, of: Case.self) {
            let epochs = vector.epochs.flatMap { $0.proposals + [$0.commit] }
            for message in [vector.key_package, vector.welcome] + epochs {
                let decoded = try MLSMessage(decoding: message.bytes)
                #expect(decoded.encoded == message.bytes)
                let envelope = try MLSMessageEnvelope(message.bytes.rawSpan)
                #expect(envelope.wireFormat == decoded.wireFormat)
            }
            if let tree = vector.ratchet_tree {
                #expect(try RatchetTree(decoding: tree.bytes).encoded == tree.bytes)
            }
        }
    }

    @Test("the Welcome names the client's KeyPackage by its KeyPackageRef (RFC 9420 section 5.2)", arguments: files)
    func keyPackageRefs(file: String) throws {
        for vector in try Vectors.load(file, of: Case.self) {
            let message = vector.key_package.bytes
            guard case .keyPackage(let keyPackage) = try MLSMessageEnvelope(message.rawSpan).payload,
                case .welcome(let welcome) = try MLSMessageEnvelope(vector.welcome.bytes.rawSpan).payload
            else {
                Issue.record("a key package and a welcome")
                continue
            }
            #expect(keyPackage.cipherSuite.rawValue == vector.cipher_suite)
            let reference = try keyPackageRef(
                of: message.rawSpan.extracting(keyPackage.keyPackage), suite: keyPackage.cipherSuite)
            var newMembers: [[UInt8]] = []
            welcome.forEachNewMember(in: vector.welcome.bytes.rawSpan) {
                newMembers.append(Array(vector.welcome.bytes[$0]))
            }
            #expect(newMembers.contains(reference))
        }
    }

    @Test("the KeyPackage and its leaf node are signed over what is to be signed", arguments: files)
    func signatures(file: String) throws {
        for vector in try Vectors.load(file, of: Case.self) {
            guard case .keyPackage(let keyPackage) = try MLSMessage(decoding: vector.key_package.bytes) else {
                Issue.record("a key package")
                continue
            }
            let leafNode = keyPackage.leafNode
            let key = try SignaturePublicKey(
                leafNode.signatureKey.rawSpan, scheme: keyPackage.cipherSuite.signatureScheme)
            let holdsForLeaf = key.verifyWithLabel(
                LeafNodeTBS.label, content: LeafNodeTBS(leafNode).encoded.rawSpan,
                signature: leafNode.signature.rawSpan)
            let holds = key.verifyWithLabel(
                KeyPackageTBS.label, content: KeyPackageTBS(keyPackage).encoded.rawSpan,
                signature: keyPackage.signature.rawSpan)
            #expect(holds && holdsForLeaf)
        }
    }
}
