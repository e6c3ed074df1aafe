import Glibc
public import MLSCodec
public import MLSCrypto
import TLSPresentation

extension TestClient {
    /// Somebody whose key a relay knows: KeyPackages that a relay keeps have it too.
    /// - Parameter suite: one of the key's; nil for the first.
    public init(_ name: String, key: SigningKey, suite: CipherSuite? = nil) throws {
        let suites: [SignatureScheme: UInt16] = [
            .ed25519: 1, .ecdsaSecp256r1SHA256: 2, .ed448: 4, .ecdsaSecp521r1SHA512: 5, .ecdsaSecp384r1SHA384: 7,
        ]
        try self.init(name, suite: suite ?? CipherSuite(rawValue: suites[key.scheme] ?? 0), signingKey: key)
    }

    /// Valid from an hour ago on, by the computer's clock.
    public static func currentLifetime(seconds: UInt64 = 86_400 * 30) -> Lifetime {
        let now = UInt64(max(0, time(nil)))
        return Lifetime(notBefore: now - 3600, notAfter: now + seconds)
    }

    /// An MLSMessage with a KeyPackage that a relay takes from this client now.
    public func publishableKeyPackage(
        isLastResort: Bool = false, lifetime: Lifetime = currentLifetime(),
        leaf change: (inout LeafNode) throws -> Void = { _ in }
    ) throws -> [UInt8] {
        let keyPackage = try keyPackage {
            $0.source = .keyPackage(lifetime)
            try change(&$0)
        } package: {
            if isLastResort { $0.extensions.append(Extension(extensionType: .lastResort, extensionData: [])) }
        }
        return MLSMessage.keyPackage(keyPackage).encoded
    }

    /// The reference by which a Welcome names the KeyPackage of an MLSMessage.
    public static func reference(of message: [UInt8]) throws -> [UInt8] {
        guard case .keyPackage(let keyPackage) = try MLSMessage(decoding: message) else {
            preconditionFailure("a KeyPackage")
        }
        let bytes = keyPackage.encoded
        return try keyPackageRef(of: bytes.rawSpan, suite: keyPackage.cipherSuite)
    }

    /// A Welcome as it is, but for the clients of these KeyPackages.
    public static func welcome(_ message: [UInt8], to references: [[UInt8]]) throws -> [UInt8] {
        guard case .welcome(var welcome) = try MLSMessage(decoding: message) else { preconditionFailure("a Welcome") }
        for index in welcome.secrets.indices { welcome.secrets[index].newMember = references[index % references.count] }
        return MLSMessage.welcome(welcome).encoded
    }
}
