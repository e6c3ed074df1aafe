import COpenSSL
import TLSPresentation

/// An OpenSSL key of a signature scheme, public or with its private half; freed, and erased, when this ends.
@safe struct EVPKey: ~Copyable {
    /// Not changed after `init`: OpenSSL lets any number of threads read it.
    let pointer: OpaquePointer

    private init(owning pointer: OpaquePointer) { unsafe self.pointer = pointer }

    deinit { unsafe EVP_PKEY_free(pointer) }

    // MARK: Public keys

    /// The public key that `bytes` encode. A point that is not on the curve is refused, and every encoding but the
    /// uncompressed one, of which OpenSSL by itself takes several and the point at infinity.
    init(publicKey bytes: RawSpan, of algorithm: SignatureAlgorithm) throws(CryptoError) {
        guard bytes.byteCount == algorithm.publicKeyByteCount else { throw .invalidKey }
        guard algorithm.curve != nil else {
            unsafe self.init(
                owning: try Self.made("EVP_PKEY_new_raw_public_key_ex", from: bytes) { bytes, count in
                    unsafe EVP_PKEY_new_raw_public_key_ex(nil, algorithm.keyType, nil, bytes, count)
                })
            return
        }
        unsafe self.init(owning: try Self.point(bytes, of: algorithm))
    }

    private static func point(_ bytes: RawSpan, of algorithm: SignatureAlgorithm) throws(CryptoError) -> OpaquePointer {
        guard unsafe bytes.unsafeLoad(fromUncheckedByteOffset: 0, as: UInt8.self) == 0x04 else { throw .invalidKey }
        let key = unsafe try OpenSSL.check(EVP_PKEY_new(), "EVP_PKEY_new")
        let isOnCurve = unsafe bytes.withUnsafeBytes { bytes in
            unsafe EVP_PKEY_copy_parameters(key, parameters(of: algorithm)) == 1
                && EVP_PKEY_set1_encoded_public_key(
                    key, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count) == 1
        }
        guard isOnCurve else {
            OpenSSL.drainErrors()
            unsafe EVP_PKEY_free(key)
            throw .invalidKey
        }
        return unsafe key
    }

    // Keys without a public or private half: copying the curve from one is a quarter of the cost of naming it.
    private nonisolated(unsafe) static let parametersP256 = unsafe makeParameters(of: .p256)
    private nonisolated(unsafe) static let parametersP384 = unsafe makeParameters(of: .p384)
    private nonisolated(unsafe) static let parametersP521 = unsafe makeParameters(of: .p521)

    private static func parameters(of algorithm: SignatureAlgorithm) -> OpaquePointer {
        switch algorithm {
        case .p256: unsafe parametersP256
        case .p384: unsafe parametersP384
        case .p521: unsafe parametersP521
        case .ed25519, .ed448: preconditionFailure("only ECDSA has a curve to choose")
        }
    }

    private static func makeParameters(of algorithm: SignatureAlgorithm) -> OpaquePointer {
        guard let curve = algorithm.curve else { preconditionFailure("only ECDSA has a curve to choose") }
        let context = unsafe OpenSSL.require(EVP_PKEY_CTX_new_from_name(nil, "EC", nil), "EVP_PKEY_CTX_new_from_name")
        defer { unsafe EVP_PKEY_CTX_free(context) }
        unsafe OpenSSL.require(EVP_PKEY_paramgen_init(context), "EVP_PKEY_paramgen_init")
        unsafe OpenSSL.require(
            EVP_PKEY_CTX_set_group_name(context, "\(curve.name)"), "EVP_PKEY_CTX_set_group_name")
        var parameters: OpaquePointer?
        unsafe OpenSSL.require(EVP_PKEY_generate(context, &parameters), "EVP_PKEY_generate")
        return unsafe OpenSSL.require(parameters, "EVP_PKEY_generate")
    }

    // MARK: Key pairs

    /// A new key pair.
    init(generating algorithm: SignatureAlgorithm) throws(CryptoError) {
        let context = unsafe try OpenSSL.check(
            EVP_PKEY_CTX_new_from_name(nil, algorithm.keyType, nil), "EVP_PKEY_CTX_new_from_name")
        defer { unsafe EVP_PKEY_CTX_free(context) }
        unsafe try OpenSSL.check(EVP_PKEY_keygen_init(context), "EVP_PKEY_keygen_init")
        if let curve = algorithm.curve {
            unsafe try OpenSSL.check(
                EVP_PKEY_CTX_set_group_name(context, "\(curve.name)"), "EVP_PKEY_CTX_set_group_name")
        }
        var key: OpaquePointer?
        unsafe try OpenSSL.check(EVP_PKEY_generate(context, &key), "EVP_PKEY_generate")
        unsafe self.init(owning: try OpenSSL.check(key, "EVP_PKEY_generate"))
    }

    /// The key pair of a private key, whose public half is computed.
    init(privateKey bytes: RawSpan, of algorithm: SignatureAlgorithm) throws(CryptoError) {
        guard bytes.byteCount == algorithm.privateKeyByteCount else { throw .invalidKey }
        guard let curve = algorithm.curve else {
            unsafe self.init(
                owning: try Self.made("EVP_PKEY_new_raw_private_key_ex", from: bytes) { bytes, count in
                    unsafe EVP_PKEY_new_raw_private_key_ex(nil, algorithm.keyType, nil, bytes, count)
                })
            return
        }
        let publicKey = try curve.publicKey(of: bytes, byteCount: algorithm.publicKeyByteCount)
        unsafe self.init(owning: try curve.keyPair(privateKey: bytes, publicKey: publicKey))
    }

    private static func made(
        _ function: StaticString, from bytes: RawSpan, by make: (UnsafePointer<UInt8>?, Int) -> OpaquePointer?
    ) throws(CryptoError) -> OpaquePointer {
        let key = unsafe bytes.withUnsafeBytes { bytes in
            unsafe make(bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
        }
        return unsafe try OpenSSL.check(key, function)
    }

    // MARK: Bytes

    /// The encoding of the public half.
    func publicKey(of algorithm: SignatureAlgorithm) throws(CryptoError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: algorithm.publicKeyByteCount)
        var byteCount = 0
        unsafe try OpenSSL.check(
            EVP_PKEY_get_octet_string_param(pointer, OSSL_PKEY_PARAM_PUB_KEY, &bytes, bytes.count, &byteCount),
            "EVP_PKEY_get_octet_string_param")
        guard byteCount == bytes.count else { throw .invalidKey }
        return bytes
    }

    /// The encoding of the private half.
    func privateKey(of algorithm: SignatureAlgorithm) throws(CryptoError) -> SecretBytes {
        var secret = SecretBytes(byteCount: algorithm.privateKeyByteCount)
        try unsafe secret.withUnsafeMutableBytes { (secret) throws(CryptoError) in
            let bytes = unsafe secret.bindMemory(to: UInt8.self).baseAddress
            guard algorithm.curve != nil else {
                var byteCount = secret.count
                unsafe try OpenSSL.check(
                    EVP_PKEY_get_raw_private_key(pointer, bytes, &byteCount), "EVP_PKEY_get_raw_private_key")
                return
            }
            var scalar: OpaquePointer?
            unsafe try OpenSSL.check(
                EVP_PKEY_get_bn_param(pointer, OSSL_PKEY_PARAM_PRIV_KEY, &scalar), "EVP_PKEY_get_bn_param")
            defer { unsafe BN_clear_free(scalar) }
            let written = unsafe BN_bn2binpad(scalar, bytes, Int32(secret.count))
            try OpenSSL.check(written == secret.count ? 1 : 0, "BN_bn2binpad")
        }
        return secret
    }
}
