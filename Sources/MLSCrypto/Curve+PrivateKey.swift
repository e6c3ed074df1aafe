import COpenSSL

/// OpenSSL takes an ECDSA private key as a scalar together with its point, and does not compute the point itself.
extension Curve {
    /// The uncompressed point of the scalar `privateKey`.
    /// - Throws: `invalidKey` where the scalar is 0 or not below the order of the curve.
    func publicKey(of privateKey: RawSpan, byteCount: Int) throws(CryptoError) -> [UInt8] {
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
}
