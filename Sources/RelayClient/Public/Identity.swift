internal import ClientStore
internal import MLSCrypto
internal import RelayConnection

/// Who a device is: the user's name, the device's own name, and the keys that speak for it.
///
/// The keys are made on the device and never leave it, but in a file that only the passphrase or key opens. Whoever has
/// them is the device. They are never printed.
public struct Identity: Sendable {
    /// What protects a saved identity.
    public enum Protection: Sendable {
        /// Stretched with scrypt (RFC 7914); the longer the better.
        case passphrase(String)
        /// 32 bytes that the caller keeps, for instance in the system's key store.
        case key([UInt8])
    }

    /// The user's name, and the key that signs for the device. Ed25519.
    let connectionIdentity: ConnectionIdentity
    public let device: String
    /// What the device's stores are encrypted with.
    let storeKey: StoreKey

    /// - Throws: `nameInvalid`.
    init(user: String, device: String, signingKey: SigningKey, storeKey: StoreKey) throws(RelayClientError) {
        try Self.checkNames(user: user, device: device)
        do throws(ConnectionIdentityError) {
            connectionIdentity = try ConnectionIdentity(name: user, key: signingKey)
        } catch {
            throw RelayClientError(.nameInvalid, "\(error)")
        }
        self.device = device
        self.storeKey = storeKey
    }
}

extension Identity {
    public var user: String { connectionIdentity.name }

    public var fingerprint: Fingerprint { Fingerprint(ofPublicKey: signingKey.publicKey.bytes) }

    /// What `RelayClient.admit` on another device of this user takes: a line of text, no secret. People should see that
    /// the fingerprints agree.
    public var admissionRequest: String { AdmissionRequest(of: self).text }

    /// A new device with new keys.
    /// - Parameters:
    ///   - user: the user's name, 1 to 255 bytes without control characters.
    ///   - device: what the user calls this device, at most 64 bytes.
    /// - Throws: `nameInvalid`.
    public static func create(user: String, device: String) throws(RelayClientError) -> Identity {
        try Identity(user: user, device: device, signingKey: generateSigningKey(), storeKey: generateStoreKey())
    }

    /// Writes the identity, encrypted, to a file at `path`, readable for its owner alone; a crash leaves the whole file or
    /// none.
    /// - Throws: `fileExists` unless `replacing`, `fileUnusable`, `passphraseWrong` for a key that has not 32 bytes.
    ///   Nothing has then changed at `path`.
    public func save(
        to path: String, protectedBy protection: Protection, replacing: Bool = false
    ) throws(RelayClientError) {
        try save(to: path, protectedBy: protection, replacing: replacing, stretching: IdentityFile.defaultStretching)
    }

    /// - Throws: `passphraseWrong`, `fileUnusable`, `damaged`.
    public static func load(
        from path: String, protectedBy protection: Protection
    ) throws(RelayClientError) -> Identity {
        let file = try IdentityFile(decoding: PrivateFile.read(path, atMost: IdentityFile.maxByteCount))
        return try file.open(with: protection)
    }
}

extension Identity {
    /// Speaks for the device: registers it, and signs for it in groups.
    var signingKey: SigningKey { connectionIdentity.key }

    /// `save`, with how much work it is made to guess a passphrase: less in tests.
    func save(
        to path: String, protectedBy protection: Protection, replacing: Bool = false,
        stretching: Scrypt.Parameters
    ) throws(RelayClientError) {
        let file = try IdentityFile(sealing: self, with: protection, stretching: stretching)
        try PrivateFile.write(file.encoded, to: path, replacing: replacing)
    }
}

extension Identity: CustomStringConvertible {
    /// Nothing secret.
    public var description: String { "\(user), device \(device) (\(fingerprint))" }
}

extension Identity: CustomReflectable {
    /// Not the keys.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
