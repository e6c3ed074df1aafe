internal import ClientStore
internal import MLSCrypto
internal import RelayWire

/// What a new identity is made of.
extension Identity {
    /// - Throws: `nameInvalid`.
    static func checkNames(user: String, device: String) throws(RelayClientError) {
        guard RelayWire.Identity.isValidName(Array(user.utf8)) else {
            throw RelayClientError(.nameInvalid, "a user's name has 1 to 255 bytes and no control characters")
        }
        guard RelayWire.Identity.isValidClientName(Array(device.utf8)) else {
            throw RelayClientError(.nameInvalid, "a device's name has at most 64 bytes and no control characters")
        }
    }

    static func generateSigningKey() -> SigningKey {
        do throws(CryptoError) {
            return try SigningKey.generate(.ed25519)
        } catch {
            // As for randomness: there is no going on without.
            preconditionFailure("no key could be made: \(error)")
        }
    }

    static func generateStoreKey() -> StoreKey {
        StoreKey(SharedSecret(copying: SecretBytes(randomByteCount: StoreKey.byteCount).bytes))
    }
}
