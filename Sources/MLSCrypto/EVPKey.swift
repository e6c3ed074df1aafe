import COpenSSL
import TLSPresentation

/// An OpenSSL key of a signature scheme or a KEM, public or with its private half; freed, and erased, when this ends.
@safe package struct EVPKey: ~Copyable {
    /// Not changed after `init`: OpenSSL lets any number of threads read it.
    package let pointer: OpaquePointer

    /// Takes over a key that nobody else has.
    package init(owning pointer: OpaquePointer) { unsafe self.pointer = pointer }

    deinit { unsafe EVP_PKEY_free(pointer) }

    // MARK: Public keys

    /// The public key that `bytes` encode. A point that is not on the curve is refused, and every encoding but the
    /// uncompressed one, of which OpenSSL by itself takes several and the point at infinity.
    init(publicKey bytes: RawSpan, of format: KeyFormat) throws(CryptoError) {
        guard bytes.byteCount == format.publicKeyByteCount else { throw .invalidKey }
        guard let parameters = unsafe format.parameters else {
            unsafe self.init(
                owning: try Self.made("EVP_PKEY_new_raw_public_key_ex", from: bytes) { bytes, count in
                    unsafe EVP_PKEY_new_raw_public_key_ex(nil, format.typeName, nil, bytes, count)
                })
            return
        }
        // OpenSSL takes other encodings of points too.
        let isUncompressed =
            unsafe format.curve == nil || bytes.unsafeLoad(fromUncheckedByteOffset: 0, as: UInt8.self) == 0x04
        guard isUncompressed else { throw .invalidKey }
        let key = unsafe try OpenSSL.check(EVP_PKEY_new(), "EVP_PKEY_new")
        let isKey = unsafe bytes.withUnsafeBytes { bytes in
            unsafe EVP_PKEY_copy_parameters(key, parameters) == 1
                && EVP_PKEY_set1_encoded_public_key(
                    key, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count) == 1
        }
        guard isKey else {
            OpenSSL.drainErrors()
            unsafe EVP_PKEY_free(key)
            throw .invalidKey
        }
        unsafe self.init(owning: key)
    }

    /// The public key of a signature scheme that `bytes` encode.
    package init(publicKey bytes: RawSpan, of scheme: SignatureScheme) throws(CryptoError) {
        try self.init(publicKey: bytes, of: SignatureAlgorithm(scheme).keyFormat)
    }

    // MARK: Key pairs

    /// A new key pair of a signature scheme.
    package init(generating scheme: SignatureScheme) throws(CryptoError) {
        try self.init(generating: SignatureAlgorithm(scheme).keyFormat)
    }

    /// A new key pair.
    init(generating format: KeyFormat) throws(CryptoError) {
        var generator = KeyGenerator(format)
        try self.init(from: &generator)
    }

    /// A new key pair, for those who generate more than one.
    init(from generator: inout KeyGenerator) throws(CryptoError) {
        unsafe self.init(owning: try generator.generate())
    }

    /// The key pair of a private key, whose public half is computed.
    init(privateKey bytes: RawSpan, of format: KeyFormat) throws(CryptoError) {
        guard bytes.byteCount == format.privateKeyByteCount else { throw .invalidKey }
        guard let curve = format.curve else {
            unsafe self.init(
                owning: try Self.made("EVP_PKEY_new_raw_private_key_ex", from: bytes) { bytes, count in
                    unsafe EVP_PKEY_new_raw_private_key_ex(nil, format.typeName, nil, bytes, count)
                })
            return
        }
        // OpenSSL does not compute the point by itself.
        let scalar = try CurveScalar(bytes, of: curve)
        let publicKey = try CurvePoint(generatorTimes: scalar).bytes()
        try self.init(privateKey: bytes, publicKey: publicKey.rawSpan, of: format)
    }

    /// The key pair of both halves, which is a tenth of the cost of computing the public one.
    ///
    /// Nobody checks that they belong together: an EdDSA key would betray its private half, so the halves must have
    /// come out of one key pair of one's own.
    init(privateKey: RawSpan, publicKey: RawSpan, of format: KeyFormat) throws(CryptoError) {
        guard privateKey.byteCount == format.privateKeyByteCount, publicKey.byteCount == format.publicKeyByteCount
        else { throw .invalidKey }
        let context = unsafe try OpenSSL.check(
            EVP_PKEY_CTX_new_from_name(nil, format.typeName, nil), "EVP_PKEY_CTX_new_from_name")
        defer { unsafe EVP_PKEY_CTX_free(context) }
        unsafe try OpenSSL.check(EVP_PKEY_fromdata_init(context), "EVP_PKEY_fromdata_init")
        // OpenSSL asks for bytes that it may change, though it does not.
        var privateKey = SecretBytes(copying: privateKey)
        var publicKey = unsafe publicKey.withUnsafeBytes { unsafe [UInt8]($0) }
        var key: OpaquePointer?
        let result = unsafe publicKey.withUnsafeMutableBytes { publicKey in
            unsafe privateKey.withUnsafeMutableBytes { privateKey in
                unsafe Self.fromData(context, &key, privateKey, publicKey, format)
            }
        }
        try OpenSSL.check(result, "EVP_PKEY_fromdata")
        unsafe self.init(owning: try OpenSSL.check(key, "EVP_PKEY_fromdata"))
    }

    private static func fromData(
        _ context: OpaquePointer, _ key: inout OpaquePointer?, _ privateKey: UnsafeMutableRawBufferPointer,
        _ publicKey: UnsafeMutableRawBufferPointer, _ format: KeyFormat
    ) -> Int32 {
        let publicName: StaticString = "pub"
        let privateName: StaticString = "priv"
        var parameters = unsafe [
            OSSL_PARAM_construct_octet_string(publicName.cString, publicKey.baseAddress, publicKey.count)
        ]
        if let curve = format.curve {
            // An integer among OpenSSL's parameters has the machine's byte order.
            var scalar = unsafe privateKey
            if UInt16(1).littleEndian == 1 { unsafe scalar.reverse() }
            let groupName: StaticString = "group"
            unsafe parameters.append(
                OSSL_PARAM_construct_utf8_string(
                    groupName.cString, UnsafeMutablePointer(mutating: curve.name.cString), 0))
            unsafe parameters.append(
                OSSL_PARAM_construct_BN(
                    privateName.cString, scalar.bindMemory(to: UInt8.self).baseAddress, scalar.count))
        } else {
            unsafe parameters.append(
                OSSL_PARAM_construct_octet_string(privateName.cString, privateKey.baseAddress, privateKey.count))
        }
        unsafe parameters.append(OSSL_PARAM_construct_end())
        return unsafe EVP_PKEY_fromdata(context, &key, Int32(mlsrelay_EVP_PKEY_KEYPAIR), &parameters)
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
    func publicKey(of format: KeyFormat) throws(CryptoError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: format.publicKeyByteCount)
        var byteCount = 0
        unsafe try OpenSSL.check(
            EVP_PKEY_get_octet_string_param(pointer, OSSL_PKEY_PARAM_PUB_KEY, &bytes, bytes.count, &byteCount),
            "EVP_PKEY_get_octet_string_param")
        guard byteCount == bytes.count else { throw .invalidKey }
        return bytes
    }

    /// The encoding of the private half.
    func privateKey(of format: KeyFormat) throws(CryptoError) -> SecretBytes {
        var secret = SecretBytes(byteCount: format.privateKeyByteCount)
        try unsafe secret.withUnsafeMutableBytes { (secret) throws(CryptoError) in
            let bytes = unsafe secret.bindMemory(to: UInt8.self).baseAddress
            guard format.curve != nil else {
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
