import COpenSSL

/// A private key of a NIST curve: a number from 1 to below the order. Erased when this ends.
@safe struct CurveScalar: ~Copyable {
    let curve: Curve
    /// A BIGNUM that is computed with in constant time. Not changed after `init`: any number of threads may read it.
    let pointer: OpaquePointer

    deinit { unsafe BN_clear_free(pointer) }

    private init(owning pointer: OpaquePointer, _ curve: Curve) {
        unsafe BN_set_flags(pointer, BN_FLG_CONSTTIME)
        unsafe self.pointer = pointer
        self.curve = curve
    }

    /// The number of `bytes`, the most significant first.
    /// - Throws: `invalidKey` where it is 0 or not below the order, or not as long as the order.
    init(_ bytes: RawSpan, of curve: Curve) throws(CryptoError) {
        guard bytes.byteCount == curve.coordinateByteCount else { throw .invalidKey }
        let converted = unsafe bytes.withUnsafeBytes { bytes in
            unsafe BN_bin2bn(bytes.bindMemory(to: UInt8.self).baseAddress, Int32(bytes.count), nil)
        }
        let number = unsafe try OpenSSL.check(converted, "BN_bin2bn")
        guard unsafe BN_is_zero(number) == 0, unsafe BN_cmp(number, EC_GROUP_get0_order(curve.group)) < 0 else {
            unsafe BN_clear_free(number)
            throw .invalidKey
        }
        unsafe self.init(owning: number, curve)
    }

    /// A new private key, from OpenSSL's generator of secrets.
    init(generatingOf curve: Curve) throws(CryptoError) {
        let number = unsafe try OpenSSL.check(BN_secure_new(), "BN_secure_new")
        repeat {
            let result = unsafe BN_priv_rand_range(number, EC_GROUP_get0_order(curve.group))
            // As for all randomness: there is no going on without.
            OpenSSL.require(result, "BN_priv_rand_range")
        } while unsafe BN_is_zero(number) == 1
        unsafe self.init(owning: number, curve)
    }

    /// The number, the most significant byte first, as long as the order.
    func bytes() throws(CryptoError) -> SecretBytes {
        var secret = SecretBytes(byteCount: curve.coordinateByteCount)
        let written = unsafe secret.withUnsafeMutableBytes { secret in
            unsafe BN_bn2binpad(pointer, secret.bindMemory(to: UInt8.self).baseAddress, Int32(secret.count))
        }
        try OpenSSL.check(Int(written) == curve.coordinateByteCount ? 1 : 0, "BN_bn2binpad")
        return secret
    }
}
