public import MLSCrypto

/// What a store is encrypted with: 32 bytes that nobody else has.
public struct StoreKey: Sendable {
    public static let byteCount = 32

    package let secret: SharedSecret

    /// - Precondition: `secret` has `byteCount` bytes.
    public init(_ secret: SharedSecret) {
        precondition(secret.byteCount == Self.byteCount, "a key of 32 bytes")
        self.secret = secret
    }
}
