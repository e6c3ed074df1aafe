import COpenSSL

/// How the keys of an algorithm look: their OpenSSL names and their sizes.
@safe struct KeyFormat: Sendable {
    /// The type of key, by OpenSSL's name.
    let type: StaticString
    /// The NIST curve; nil for the curves of RFC 7748 and RFC 8032, whose keys are raw bytes.
    let curve: Curve?
    /// Raw, or an uncompressed point: 04 and two coordinates.
    let publicKeyByteCount: Int
    /// Raw, or the scalar with its most significant byte first.
    let privateKeyByteCount: Int
    /// A key of an algorithm of Diffie-Hellman, to copy all from but the key itself: half of the cost of naming the
    /// algorithm. Nil for EdDSA, where OpenSSL would keep the copied key and say that it took the other.
    ///
    /// Nobody changes it, so every thread may use it.
    nonisolated(unsafe) let parameters: OpaquePointer?

    private init(
        type: StaticString, curve: Curve?, publicKeyByteCount: Int, privateKeyByteCount: Int,
        isForAgreement: Bool = false
    ) {
        self.type = type
        self.curve = curve
        self.publicKeyByteCount = publicKeyByteCount
        self.privateKeyByteCount = privateKeyByteCount
        if let curve {
            unsafe parameters = curve.parameters
        } else {
            unsafe parameters = isForAgreement ? Self.makeKey(type) : nil
        }
    }

    /// A key pair that nobody uses.
    private static func makeKey(_ type: StaticString) -> OpaquePointer {
        let context = unsafe OpenSSL.require(
            EVP_PKEY_CTX_new_from_name(nil, type.cString, nil), "EVP_PKEY_CTX_new_from_name")
        defer { unsafe EVP_PKEY_CTX_free(context) }
        unsafe OpenSSL.require(EVP_PKEY_keygen_init(context), "EVP_PKEY_keygen_init")
        var key: OpaquePointer?
        unsafe OpenSSL.require(EVP_PKEY_generate(context, &key), "EVP_PKEY_generate")
        return unsafe OpenSSL.require(key, "EVP_PKEY_generate")
    }

    static let ed25519 = KeyFormat(type: "ED25519", curve: nil, publicKeyByteCount: 32, privateKeyByteCount: 32)
    static let ed448 = KeyFormat(type: "ED448", curve: nil, publicKeyByteCount: 57, privateKeyByteCount: 57)
    static let x25519 = KeyFormat(
        type: "X25519", curve: nil, publicKeyByteCount: 32, privateKeyByteCount: 32, isForAgreement: true)
    static let x448 = KeyFormat(
        type: "X448", curve: nil, publicKeyByteCount: 56, privateKeyByteCount: 56, isForAgreement: true)
    static let p256 = KeyFormat(type: "EC", curve: .p256, publicKeyByteCount: 65, privateKeyByteCount: 32)
    static let p384 = KeyFormat(type: "EC", curve: .p384, publicKeyByteCount: 97, privateKeyByteCount: 48)
    static let p521 = KeyFormat(type: "EC", curve: .p521, publicKeyByteCount: 133, privateKeyByteCount: 66)

    /// `Ndh`: how many bytes a Diffie-Hellman secret has, which is a coordinate.
    var agreedByteCount: Int { privateKeyByteCount }

    /// `type`, ending in a zero.
    var typeName: UnsafePointer<CChar> { unsafe type.cString }
}

extension StaticString {
    /// The literal's bytes with the zero behind them, which live as long as the program.
    var cString: UnsafePointer<CChar> { unsafe UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }
}
