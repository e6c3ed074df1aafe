import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import RelayCredentials
import TLSPresentation
import Testing

@Suite("The Authentication Service of a relay's groups (RFC 9420 section 5.3.1, RFC 9750 section 4)")
struct RelayAuthenticationServiceTests {
    private let chain: ForgedChain
    private let service: RelayAuthenticationService

    init() throws {
        chain = try ForgedChain()
        let verifier = try CredentialVerifier(
            serverName: ForgedChain.server, root: try chain.rootBytes(), acceptsBasic: true, clockSkew: 0)
        service = RelayAuthenticationService(verifier: verifier, clock: { ForgedChain.now })
    }

    private func credential(_ subject: String) throws -> Credential {
        var other = chain
        other.leaf.extensions = chain.leafExtensions(["mlsrelay://relay.example/\(subject)"])
        return try other.credential()
    }

    private func clientID(_ credential: Credential) throws -> [UInt8]? {
        var leafNode = try TestClient("nobody").leafNode(.update)
        leafNode.credential = credential
        return service.clientID(of: leafNode)
    }

    @Test("a credential is valid for its key alone, in every place")
    func isValid() throws {
        let places: [CredentialPlace] = [
            .keyPackage, .add, .update, .path, .externalCommit, .externalSender, .tree,
        ]
        let credential = try chain.credential()
        for place in places {
            #expect(service.isValid(credential, signatureKey: chain.leafKey.publicKey.bytes, in: place))
            #expect(!service.isValid(credential, signatureKey: chain.issuingKey.publicKey.bytes, in: place))
        }
    }

    @Test("who has expired is not let in, but may be found in a tree (RFC 9420 section 5.3.2)")
    func expired() throws {
        var late = service
        late.clock = { ForgedChain.now + 11 }
        let (credential, key) = (try chain.credential(), chain.leafKey.publicKey.bytes)
        for place in [CredentialPlace.keyPackage, .add, .update, .path, .externalCommit, .externalSender] {
            #expect(!late.isValid(credential, signatureKey: key, in: place))
        }
        #expect(late.isValid(credential, signatureKey: key, in: .tree))
        late.checksDatesInTree = true
        #expect(!late.isValid(credential, signatureKey: key, in: .tree))
        late.clock = nil
        #expect(late.isValid(credential, signatureKey: key, in: .add))
    }

    @Test("S3-9, N-15: who has been revoked is not let in, but may be found in a tree")
    func revoked() throws {
        var service = service
        service.isRevoked = { $0 == [0x42] }
        let (credential, key) = (try chain.credential(), chain.leafKey.publicKey.bytes)
        for place in [CredentialPlace.keyPackage, .add, .update, .path, .externalCommit, .externalSender] {
            #expect(!service.isValid(credential, signatureKey: key, in: place))
        }
        #expect(service.isValid(credential, signatureKey: key, in: .tree))
        service.checksDatesInTree = true
        #expect(!service.isValid(credential, signatureKey: key, in: .tree))
        // A basic credential has no number; and others are others.
        #expect(service.isValid(.basic(identity: [0x61]), signatureKey: key, in: .add))
        service.isRevoked = { $0 == [0x43] }
        #expect(service.isValid(credential, signatureKey: key, in: .add))
    }

    @Test("a member may go on to another certificate of the same client, and to nobody else's")
    func successors() throws {
        let phone = try credential("alice/phone")
        #expect(service.isValidSuccessor(try credential("alice/phone"), of: phone))
        for other in ["alice/laptop", "alice/", "bob/phone"] {
            #expect(!service.isValidSuccessor(try credential(other), of: phone), "\(other)")
        }
        // A name alone does not take the place of what the authority has issued; the other way it may.
        let basic = Credential.basic(identity: Array("alice".utf8))
        #expect(!service.isValidSuccessor(basic, of: try credential("alice/")))
        #expect(service.isValidSuccessor(try credential("alice/"), of: basic))
        #expect(!service.isValidSuccessor(phone, of: basic))
        #expect(service.isValidSuccessor(basic, of: basic))
        #expect(!service.isValidSuccessor(.basic(identity: Array("bob".utf8)), of: basic))
        let nobody = Credential.x509(certificates: [])
        #expect(!service.isValidSuccessor(nobody, of: nobody))
    }

    @Test("S3-3: a user has many clients: one identity, and each client once")
    func identities() throws {
        let basic = Credential.basic(identity: Array("alice".utf8))
        for credential in [try credential("alice/phone"), try credential("alice/laptop"), basic] {
            #expect(service.identity(of: credential) == Array("alice".utf8))
        }
        #expect(try clientID(credential("alice/phone")) == clientID(credential("alice/phone")))
        #expect(try clientID(credential("alice/phone")) != clientID(credential("alice/laptop")))
        #expect(try clientID(credential("alice/phone")) != clientID(credential("bob/phone")))
        #expect(try clientID(basic) == nil)
        let nobody = Credential.x509(certificates: [])
        #expect(service.identity(of: nobody) == nobody.encoded)
        #expect(try clientID(nobody) == nil)
    }
}
