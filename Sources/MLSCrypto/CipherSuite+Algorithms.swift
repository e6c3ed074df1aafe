public import MLSCodec

/// The algorithms that a cipher suite stands for. RFC 9420 section 17.1.
extension CipherSuite {
    /// - Throws: `unsupportedCipherSuite` for any but the seven of the RFC.
    public var hashAlgorithm: HashAlgorithm {
        get throws(CryptoError) {
            switch rawValue {
            case 1, 2, 3: .sha256
            case 4, 5, 6: .sha512
            case 7: .sha384
            default: throw .unsupportedCipherSuite(self)
            }
        }
    }

    /// - Throws: `unsupportedCipherSuite` for any but the seven of the RFC.
    public var signatureScheme: SignatureScheme {
        get throws(CryptoError) {
            switch rawValue {
            case 1, 3: .ed25519
            case 2: .ecdsaSecp256r1SHA256
            case 4, 6: .ed448
            case 5: .ecdsaSecp521r1SHA512
            case 7: .ecdsaSecp384r1SHA384
            default: throw .unsupportedCipherSuite(self)
            }
        }
    }

    /// - Throws: `unsupportedCipherSuite` for any but the seven of the RFC.
    public var kem: KEM {
        get throws(CryptoError) {
            switch rawValue {
            case 1, 3: .x25519
            case 2: .p256
            case 4, 6: .x448
            case 5: .p521
            case 7: .p384
            default: throw .unsupportedCipherSuite(self)
            }
        }
    }

    /// - Throws: `unsupportedCipherSuite` for any but the seven of the RFC.
    public var aeadAlgorithm: AEADAlgorithm {
        get throws(CryptoError) {
            switch rawValue {
            case 1, 2: .aes128GCM
            case 3, 6: .chaCha20Poly1305
            case 4, 5, 7: .aes256GCM
            default: throw .unsupportedCipherSuite(self)
            }
        }
    }
}
