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
}

extension Identity {
    public var user: String { preconditionFailure("not here yet") }
    public var device: String { preconditionFailure("not here yet") }
    public var fingerprint: Fingerprint { preconditionFailure("not here yet") }

    /// What `RelayClient.admit` on another device of this user takes: a line of text, no secret. People should see that
    /// the fingerprints agree.
    public var admissionRequest: String { preconditionFailure("not here yet") }

    /// A new device with new keys.
    /// - Parameters:
    ///   - user: the user's name, 1 to 255 bytes without control characters.
    ///   - device: what the user calls this device, at most 64 bytes.
    public static func create(user: String, device: String) throws(RelayClientError) -> Identity {
        preconditionFailure("not here yet")
    }

    /// Writes the identity, encrypted, to a file at `path`, readable for its owner alone; a crash leaves the whole file or
    /// none.
    public func save(
        to path: String, protectedBy protection: Protection, replacing: Bool = false
    ) throws(RelayClientError) { preconditionFailure("not here yet") }

    /// - Throws: `passphraseWrong`, `fileUnusable`, `damaged`.
    public static func load(
        from path: String, protectedBy protection: Protection
    ) throws(RelayClientError) -> Identity { preconditionFailure("not here yet") }
}
