import MLSCodec
public import MLSCrypto
public import MLSPublicGroup
import TLSPresentation

extension KeyPackageSecrets {
    private static var savedVersion: UInt16 { 1 }

    /// The KeyPackage and its private keys as bytes, for whoever keeps them and encrypts what it keeps.
    /// ```
    /// struct {
    ///     uint16 version = 1; KeyPackage key_package;
    ///     opaque init_private_key<V>; opaque init_public_key<V>; opaque leaf_private_key<V>; opaque leaf_public_key<V>;
    /// } SavedKeyPackage;
    /// ```
    public func saved() throws(GroupError) -> SharedSecret {
        var writer = SecretWriter(capacity: 2048)
        writer.encode(Self.savedVersion)
        writer.encode(keyPackage)
        do throws(CryptoError) {
            try initKey.saveHalves(into: &writer)
            try leafKey.saveHalves(into: &writer)
        } catch { throw .crypto(error) }
        let bytes = writer.finish()
        return SharedSecret(copying: bytes.bytes)
    }

    /// What `saved` gave.
    /// - Throws: `malformed` where it is anything else.
    public init(saved secret: SharedSecret) throws(GroupError) {
        var reader = Reader(secret.bytes)
        let keyPackage: KeyPackage
        let initKey: HPKEPrivateKey
        let leafKey: HPKEPrivateKey
        do throws(DecodingError) {
            let start = reader.byteOffset
            let version = try reader.uint16()
            guard version == Self.savedVersion else {
                throw DecodingError(.unknownValue(type: "SavedKeyPackage", value: UInt64(version)), at: start)
            }
            keyPackage = try KeyPackage(from: &reader)
            guard let kem = try? keyPackage.cipherSuite.kem else {
                throw reader.error(.invalidField("cipher_suite"))
            }
            initKey = try HPKEPrivateKey.restoreHalves(from: &reader, kem: kem)
            leafKey = try HPKEPrivateKey.restoreHalves(from: &reader, kem: kem)
            try reader.expectEnd()
            guard initKey.publicKeyBytes == keyPackage.initKey,
                leafKey.publicKeyBytes == keyPackage.leafNode.encryptionKey
            else { throw DecodingError(.invalidField("public_key"), at: start) }
        } catch { throw .malformed(error) }
        try self.init(keyPackage, initKey: initKey, leafKey: leafKey)
    }
}
