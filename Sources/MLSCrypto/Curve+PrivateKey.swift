import COpenSSL

/// OpenSSL takes an ECDSA private key as a scalar together with its point, and does not compute the point itself.
extension Curve {
    /// The uncompressed point of the scalar `privateKey`.
    /// - Throws: `invalidKey` where the scalar is 0 or not below the order of the curve.
    func publicKey(of privateKey: RawSpan, byteCount: Int) throws(CryptoError) -> [UInt8] {
        let group = unsafe try OpenSSL.check(EC_GROUP_new_by_curve_name(identifier), "EC_GROUP_new_by_curve_name")
        defer { unsafe EC_GROUP_free(group) }
        let converted = unsafe privateKey.withUnsafeBytes { bytes in
            unsafe BN_bin2bn(bytes.bindMemory(to: UInt8.self).baseAddress, Int32(bytes.count), nil)
        }
        let scalar = unsafe try OpenSSL.check(converted, "BN_bin2bn")
        defer { unsafe BN_clear_free(scalar) }
        unsafe BN_set_flags(scalar, BN_FLG_CONSTTIME)
        guard unsafe BN_is_zero(scalar) == 0, unsafe BN_cmp(scalar, EC_GROUP_get0_order(group)) < 0 else {
            throw .invalidKey
        }
        let point = unsafe try OpenSSL.check(EC_POINT_new(group), "EC_POINT_new")
        defer { unsafe EC_POINT_free(point) }
        unsafe try OpenSSL.check(EC_POINT_mul(group, point, scalar, nil, nil, nil), "EC_POINT_mul")
        var bytes = [UInt8](repeating: 0, count: byteCount)
        let written = unsafe EC_POINT_point2oct(
            group, point, POINT_CONVERSION_UNCOMPRESSED, &bytes, bytes.count, nil)
        try OpenSSL.check(written == byteCount ? 1 : 0, "EC_POINT_point2oct")
        return bytes
    }

    /// The key of a scalar and its point.
    func keyPair(privateKey: RawSpan, publicKey: [UInt8]) throws(CryptoError) -> OpaquePointer {
        // An integer among OpenSSL's parameters has the machine's byte order.
        var scalar = SecretBytes(copying: privateKey)
        unsafe scalar.withUnsafeMutableBytes { scalar in
            var bytes = unsafe scalar
            if UInt16(1).littleEndian == 1 { unsafe bytes.reverse() }
        }
        let context = unsafe try OpenSSL.check(
            EVP_PKEY_CTX_new_from_name(nil, "EC", nil), "EVP_PKEY_CTX_new_from_name")
        defer { unsafe EVP_PKEY_CTX_free(context) }
        unsafe try OpenSSL.check(EVP_PKEY_fromdata_init(context), "EVP_PKEY_fromdata_init")
        var key: OpaquePointer?
        var publicKey = publicKey
        let result = unsafe publicKey.withUnsafeMutableBytes { publicKey in
            unsafe scalar.withUnsafeMutableBytes { scalar in
                var parameters = unsafe [
                    OSSL_PARAM_construct_utf8_string(
                        Self.cString("group"), UnsafeMutablePointer(mutating: Self.cString(name)), 0),
                    OSSL_PARAM_construct_octet_string(
                        Self.cString("pub"), publicKey.baseAddress, publicKey.count),
                    OSSL_PARAM_construct_BN(
                        Self.cString("priv"), scalar.bindMemory(to: UInt8.self).baseAddress, scalar.count),
                    OSSL_PARAM_construct_end(),
                ]
                return unsafe EVP_PKEY_fromdata(
                    context, &key, Int32(mlsrelay_EVP_PKEY_KEYPAIR), &parameters)
            }
        }
        try OpenSSL.check(result, "EVP_PKEY_fromdata")
        return unsafe try OpenSSL.check(key, "EVP_PKEY_fromdata")
    }

    /// A literal's bytes with the zero behind them, which live as long as the program.
    private static func cString(_ literal: StaticString) -> UnsafePointer<CChar> {
        unsafe UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self)
    }
}
