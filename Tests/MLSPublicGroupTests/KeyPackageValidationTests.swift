import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import TestSupport
import Testing

@Suite("KeyPackages are validated (RFC 9420 sections 7.3 and 10.1)")
struct KeyPackageValidationTests {
    private let client: TestClient
    private var policy = ValidationPolicy(clock: { TestClient.now })

    init() throws { client = try TestClient("alice") }

    @Test("one of each cipher suite that breaks no rule is valid", arguments: UInt16(1)...7)
    func valid(suite: UInt16) throws {
        try TestClient("alice", suite: CipherSuite(rawValue: suite)).keyPackage().validate(policy: policy)
    }

    @Test("those of messages.json are valid, whatever their lifetime")
    func vectors() throws {
        struct Vector: Decodable {
            let mls_key_package: Hex
        }
        for vector in try Vectors.load("messages.json", of: Vector.self) {
            let message = try MLSMessage(decoding: vector.mls_key_package.bytes)
            guard case .keyPackage(let keyPackage) = message else {
                Issue.record("a KeyPackage")
                continue
            }
            try keyPackage.validate(policy: ValidationPolicy(clock: nil, maxTotalLifetime: nil))
        }
    }

    @Test("10-init-key, 10-encryption-key, 10-signature-key: keys are of the suite")
    func keyFormats() throws {
        let noPoint: [UInt8] = [4] + Array(repeating: 0xff, count: 64)
        let badInit = try client.keyPackage(package: { $0.initKey = noPoint })
        expectRefusal(.initKeyFormat) { try badInit.validate(policy: policy) }
        let badLeaf = try client.keyPackage(leaf: { $0.encryptionKey = noPoint })
        expectRefusal(.leafEncryptionKeyFormat) { try badLeaf.validate(policy: policy) }
        let badSignature = try client.keyPackage(leaf: { $0.signatureKey = noPoint })
        expectRefusal(.leafSignatureKeyFormat) { try badSignature.validate(policy: policy) }
    }

    @Test("10.1-signature, 10.1-init-key, 10.1-version")
    func package() throws {
        var changed = try client.keyPackage()
        changed.extensions = [Extension(LastResort())]
        expectRefusal(.keyPackageSignature) { try changed.validate(policy: policy) }
        let sameKey = try client.keyPackage(package: { $0.initKey = $0.leafNode.encryptionKey })
        expectRefusal(.initKeyDiffers) { try sameKey.validate(policy: policy) }
        let version = try client.keyPackage(package: { $0.version = ProtocolVersion(rawValue: 2) })
        expectRefusal(.keyPackageVersion) { try version.validate(policy: policy) }
    }

    @Test("a cipher suite that is not known gives a CryptoError")
    func unknownSuite() throws {
        let suite = CipherSuite(rawValue: 0x0a0a)
        let keyPackage = try client.keyPackage(package: { $0.cipherSuite = suite })
        #expect(throws: GroupError.crypto(.unsupportedCipherSuite(suite))) { try keyPackage.validate(policy: policy) }
    }

    @Test("7.3-signature: what was signed was changed, or signed by another key")
    func leafSignature() throws {
        var keyPackage = try client.keyPackage()
        keyPackage.leafNode.extensions = [Extension(ApplicationID([1]))]
        expectRefusal(.leafSignature) { try keyPackage.validate(policy: policy) }
        let other = try TestClient("bob")
        let stolen = try client.keyPackage(leaf: { $0.signatureKey = other.signingKey.publicKey.bytes })
        expectRefusal(.leafSignature) { try stolen.validate(policy: policy) }
    }

    @Test("7.3-source-key-package", arguments: [LeafNode.Source.update, .commit(parentHash: [])])
    func source(source: LeafNode.Source) throws {
        let keyPackage = try client.keyPackage(leaf: { $0.source = source })
        expectRefusal(.keyPackageSource) { try keyPackage.validate(policy: policy) }
    }

    @Test("7.2-credential-type: the own one is in the capabilities")
    func credentialType() throws {
        let keyPackage = try client.keyPackage(leaf: { $0.capabilities.credentials = [.x509] })
        expectRefusal(.ownCredentialType) { try keyPackage.validate(policy: policy) }
    }

    @Test("7.3-extensions: those of the leaf are in the capabilities, but for the default ones")
    func leafExtensions() throws {
        let unlisted = Extension(extensionType: ExtensionType(rawValue: 0xf002), extensionData: [])
        let keyPackage = try client.keyPackage(leaf: { $0.extensions = [unlisted] })
        expectRefusal(.leafExtensions) { try keyPackage.validate(policy: policy) }
        try client.keyPackage(leaf: { $0.extensions = [Extension(ApplicationID([1]))] }).validate(policy: policy)
        // Those of the KeyPackage itself need not be: section 13.5.
        try client.keyPackage(package: { $0.extensions = [unlisted] }).validate(policy: policy)
    }

    @Test("13.4-duplicate: one extension of a type, in the leaf and in the KeyPackage")
    func duplicateExtension() throws {
        let twice = [Extension(ApplicationID([1])), Extension(ApplicationID([2]))]
        let inLeaf = try client.keyPackage(leaf: { $0.extensions = twice })
        expectRefusal(.duplicateExtension) { try inLeaf.validate(policy: policy) }
        let inPackage = try client.keyPackage(package: { $0.extensions = twice })
        expectRefusal(.duplicateExtension) { try inPackage.validate(policy: policy) }
    }

    @Test("7.2-total-lifetime: no longer than the policy's, and not backwards")
    func totalLifetime() throws {
        for lifetime in [
            Lifetime(notBefore: 0, notAfter: .max), Lifetime(notBefore: TestClient.now, notAfter: TestClient.now - 1),
        ] {
            let keyPackage = try client.keyPackage(leaf: { $0.source = .keyPackage(lifetime) })
            expectRefusal(.totalLifetime) { try keyPackage.validate(policy: policy) }
        }
    }

    @Test("7.3-lifetime: the time is within it, give or take the clocks' difference")
    func lifetime() throws {
        let keyPackage = try client.keyPackage()
        let lifetime = TestClient.lifetime
        for (now, isValid) in [
            (lifetime.notBefore - 3601, false), (lifetime.notBefore - 3600, true), (lifetime.notAfter + 3600, true),
            (lifetime.notAfter + 3601, false), (0, false), (UInt64.max, false),
        ] {
            let policy = ValidationPolicy(clock: { now })
            if isValid {
                try keyPackage.validate(policy: policy)
            } else {
                expectRefusal(.lifetime) { try keyPackage.validate(policy: policy) }
            }
        }
        try keyPackage.validate(policy: ValidationPolicy(clock: nil))
    }

    @Test("5.3.1-credential: the Authentication Service is asked")
    func credential() throws {
        let keyPackage = try client.keyPackage()
        let policy = ValidationPolicy(
            clock: nil, authenticationService: TrustingAuthenticationService(credentialTypes: [.x509]))
        expectRefusal(.credential) { try keyPackage.validate(policy: policy) }
    }

    @Test("an X.509 credential whose end entity has the leaf's key is valid", arguments: [UInt16(1), 2])
    func certificate(suite: UInt16) throws {
        let client = try TestClient("alice", suite: CipherSuite(rawValue: suite))
        let issuer = try TestClient("issuer", suite: CipherSuite(rawValue: suite))
        let certificates = try [issuer.certificate(for: client), issuer.certificate(for: issuer)]
        for chain in [certificates, [certificates[0]]] {
            try client.keyPackage(leaf: { $0.credential = .x509(certificates: chain) }).validate(policy: policy)
        }
    }

    @Test("5.3-x509-chain: certificates, each signed by the next")
    func certificateChain() throws {
        let issuer = try TestClient("issuer")
        let own = try issuer.certificate(for: client)
        for chain in [
            [], [Certificate(certData: [1, 2, 3])], [own, Certificate(certData: [])], [own, own],
        ] {
            let keyPackage = try client.keyPackage(leaf: { $0.credential = .x509(certificates: chain) })
            expectRefusal(.x509Chain) { try keyPackage.validate(policy: policy) }
        }
    }

    @Test("5.3-x509-key: the end entity's key is the leaf's")
    func certificateKey() throws {
        let issuer = try TestClient("issuer")
        let wrongKey = try client.keyPackage(
            leaf: { $0.credential = .x509(certificates: [try issuer.certificate(for: issuer)]) })
        expectRefusal(.x509Key) { try wrongKey.validate(policy: policy) }
        let otherScheme = try TestClient("alice", suite: .mls128DHKEMX25519AES128GCMSHA256Ed25519)
        let wrongScheme = try client.keyPackage(
            leaf: { $0.credential = .x509(certificates: [try issuer.certificate(for: otherScheme)]) })
        expectRefusal(.x509Key) { try wrongScheme.validate(policy: policy) }
    }
}
