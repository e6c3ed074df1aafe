import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation

/// A group of a client's; a class because what cannot be copied cannot stand in a collection.
final class Membership {
    var group: Group
    init(_ group: consuming Group) { self.group = group }
}

/// Somebody who is in groups.
final class Client {
    let name: String
    let suite: CipherSuite
    var settings = ClientSettings()
    /// Those whose private keys are still there.
    var keyPackages: [KeyPackageSecrets] = []
    var externalPSKs: [[UInt8]: [UInt8]] = [:]
    /// The oldest first.
    private(set) var memberships: [Membership] = []
    private var current: Membership?
    private var identities: [SignatureScheme: ClientIdentity] = [:]
    private let hasBasicCredential: Bool

    /// With a basic credential, for which a key is made.
    init(_ name: String, suite: CipherSuite) throws {
        (self.name, self.suite) = (name, suite)
        hasBasicCredential = true
        _ = try identity(for: suite)
    }

    /// With a certificate chain, which has to be about the key.
    init(_ name: String, suite: CipherSuite, signingKey: SigningKey, certificates: [Certificate]) throws {
        (self.name, self.suite) = (name, suite)
        hasBasicCredential = false
        let chain = try CertificateChain(certificates)
        guard try chain.signaturePublicKey(scheme: signingKey.scheme) == signingKey.publicKey.bytes else {
            throw InteropError("the first certificate is of another key")
        }
        identities[signingKey.scheme] = ClientIdentity(
            credential: .x509(certificates: certificates), signingKey: signingKey)
    }

    /// Who the client is in groups of `suite`: one signature key for each scheme.
    func identity(for suite: CipherSuite) throws -> ClientIdentity {
        let scheme = try suite.signatureScheme
        if let identity = identities[scheme] { return identity }
        guard hasBasicCredential else { throw InteropError("no certificate for the scheme of \(suite)") }
        let identity = ClientIdentity(
            credential: .basic(identity: Array(name.utf8)), signingKey: try SigningKey.generate(scheme))
        identities[scheme] = identity
        return identity
    }

    /// As the settings are now.
    var configuration: GroupConfiguration {
        // What others' applications take for a long time is theirs to say.
        var policy = ValidationPolicy(maxTotalLifetime: nil)
        policy.clientSupport = ClientSupport(
            extensionTypes: settings.extensionTypes, proposalTypes: settings.proposalTypes)
        return GroupConfiguration(
            policy: policy, handshakeFraming: settings.sendsPublicMessages ? .publicMessage : .privateMessage,
            padding: .byteCount(settings.paddingByteCount), maxPastEpochCount: settings.maxPastEpochCount)
    }

    /// Of leaves that are made now.
    var lifetime: Lifetime { settings.lifetime(at: ValidationPolicy.systemClock()) }

    /// A new KeyPackage, whose private keys are kept.
    func makeKeyPackage(_ suite: CipherSuite) throws -> KeyPackageSecrets {
        let keyPackage = try KeyPackageSecrets(
            suite: suite, identity: identity(for: suite), lifetime: lifetime,
            leafExtensions: settings.leafExtensions ?? [], extensions: settings.keyPackageExtensions,
            configuration: configuration)
        keyPackages.append(keyPackage)
        return keyPackage
    }

    /// Forgets the private keys that a Welcome was opened with, unless they are to be kept.
    func useUp(_ welcome: Welcome) {
        if settings.keepsKeyPackages { return }
        let references = Set(welcome.secrets.map(\.newMember))
        guard let used = keyPackages.firstIndex(where: { references.contains($0.ref) }) else { return }
        keyPackages.remove(at: used)
    }

    // MARK: Groups

    /// The group that commands are about, with the settings as they are now.
    var membership: Membership {
        get throws(InteropError) {
            guard let current else { throw InteropError("\(name) is in no group") }
            current.group.configuration = configuration
            return current
        }
    }

    /// The groups that the client is a member of.
    var groupIDs: Set<[UInt8]> { Set(memberships.lazy.filter { $0.group.isActive }.map { $0.group.groupID }) }

    /// Puts the client into a group, which is the current one then. One that it was in under the same name, and is no
    /// more, goes.
    func enter(_ group: consuming Group) {
        let membership = Membership(group)
        let groupID = membership.group.groupID
        memberships.removeAll { $0.group.groupID == groupID && $0.group.isRemoved }
        memberships.append(membership)
        current = membership
    }

    /// Makes the newest group of that name the current one.
    func useGroup(_ groupID: [UInt8]) throws(InteropError) {
        guard let membership = memberships.last(where: { $0.group.groupID == groupID }) else {
            throw InteropError("\(name) is not in that group")
        }
        current = membership
    }

    /// Forgets all that is known of the current group.
    func leave() throws(InteropError) {
        let left = try membership
        forget { $0 === left }
    }

    /// Forgets groups; the newest that is left is the current one where that is among them.
    func forget(where isForgotten: (Membership) -> Bool) {
        memberships.removeAll(where: isForgotten)
        if let current, isForgotten(current) { self.current = memberships.last }
    }

    /// The client's pre-shared keys, for one of its groups or for one that it is about to join.
    func psks(for membership: Membership? = nil) -> ClientPSKs {
        ClientPSKs(external: externalPSKs, memberships: memberships.filter { $0 !== membership })
    }
}

/// What a client knows of pre-shared keys beside those of the group that asks.
struct ClientPSKs: PreSharedKeyStore {
    let external: [[UInt8]: [UInt8]]
    let memberships: [Membership]

    func externalPSK(_ id: [UInt8]) -> SecretBytes? { external[id].map { SecretBytes(copying: $0.rawSpan) } }

    func resumptionPSK(groupID: [UInt8], epoch: UInt64) -> SecretBytes? {
        for membership in memberships.reversed()
        where membership.group.groupID == groupID && !membership.group.isRemoved {
            if let psk = membership.group.resumptionPSK(epoch: epoch) { return psk }
        }
        return nil
    }
}
