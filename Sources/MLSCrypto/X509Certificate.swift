import COpenSSL

/// A certificate that OpenSSL has parsed. RFC 5280 section 4.1.
@safe package final class X509Certificate: Sendable {
    // Nobody changes it after `init`, so every thread may read it. What OpenSSL keeps beside it has OpenSSL's lock.
    package nonisolated(unsafe) let pointer: OpaquePointer

    /// Nil where `bytes` are not exactly one certificate, in DER.
    package init?(_ bytes: RawSpan) {
        let parsed = unsafe bytes.withUnsafeBytes { bytes -> OpaquePointer? in
            var next = unsafe bytes.bindMemory(to: UInt8.self).baseAddress
            guard let certificate = unsafe d2i_X509(nil, &next, bytes.count) else { return nil }
            if unsafe Self.isEncoding(bytes, of: certificate) { return unsafe certificate }
            unsafe X509_free(certificate)
            return nil
        }
        guard let parsed = unsafe parsed else {
            OpenSSL.drainErrors()
            return nil
        }
        unsafe pointer = parsed
    }

    deinit { unsafe X509_free(pointer) }

    /// Whether `certificate`, encoded, is `bytes`: OpenSSL also parses other encodings, and what only begins with one.
    private static func isEncoding(_ bytes: UnsafeRawBufferPointer, of certificate: OpaquePointer) -> Bool {
        var encoded: UnsafeMutablePointer<UInt8>?
        let byteCount = unsafe i2d_X509(certificate, &encoded)
        defer { unsafe mlsrelay_OPENSSL_free(encoded) }
        return unsafe byteCount == bytes.count && CRYPTO_memcmp(bytes.baseAddress, encoded, bytes.count) == 0
    }

    /// The certificate's key as keys of `format` look.
    /// - Throws: `invalidKey` where it is not one of those.
    func publicKey(of format: KeyFormat) throws(CryptoError) -> [UInt8] {
        guard hasKey(of: format), let key = unsafe X509_get0_pubkey(pointer) else { throw .invalidKey }
        guard format.curve != nil else {
            return unsafe try Self.bytes(format.publicKeyByteCount) { bytes in
                var byteCount = 0
                return unsafe EVP_PKEY_get_octet_string_param(
                    key, OSSL_PKEY_PARAM_PUB_KEY, bytes.baseAddress, bytes.count, &byteCount) == 1
                    && byteCount == bytes.count
            }
        }
        return unsafe try Self.bytes(format.publicKeyByteCount) { bytes in
            // The certificate may have the point compressed, and then OpenSSL gives it so.
            let half = bytes.count / 2
            unsafe bytes[0] = 0x04
            return unsafe Self.write(key, OSSL_PKEY_PARAM_EC_PUB_X, into: bytes[1...half])
                && Self.write(key, OSSL_PKEY_PARAM_EC_PUB_Y, into: bytes[(half + 1)...])
        }
    }

    /// Whether the certificate's key is of `format`.
    func hasKey(of format: KeyFormat) -> Bool {
        defer { OpenSSL.drainErrors() }
        guard let key = unsafe X509_get0_pubkey(pointer), unsafe EVP_PKEY_is_a(key, format.typeName) == 1 else {
            return false
        }
        guard let curve = format.curve else { return true }
        // A curve must be named: one that is spelt out may differ where nobody looks (RFC 5480 section 2.1.1).
        var isSpeltOut: Int32 = 1
        return unsafe EVP_PKEY_parameters_eq(key, curve.parameters) == 1
            && EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &isSpeltOut) == 1
            && isSpeltOut == 0
    }

    /// `count` bytes that `write` writes.
    /// - Throws: `invalidKey` where it says that it did not.
    private static func bytes(
        _ count: Int, _ write: (UnsafeMutableBufferPointer<UInt8>) -> Bool
    ) throws(CryptoError) -> [UInt8] {
        var isWritten = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            unsafe buffer.initialize(repeating: 0)
            isWritten = unsafe write(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            initializedCount = count
        }
        if isWritten { return bytes }
        OpenSSL.drainErrors()
        throw .invalidKey
    }

    /// Writes a number of `key` with its most significant byte first, as long as `bytes`.
    private static func write(
        _ key: OpaquePointer, _ name: String, into bytes: Slice<UnsafeMutableBufferPointer<UInt8>>
    ) -> Bool {
        var number: OpaquePointer?
        guard unsafe EVP_PKEY_get_bn_param(key, name, &number) == 1 else { return false }
        defer { unsafe BN_free(number) }
        let buffer = unsafe UnsafeMutableBufferPointer(rebasing: bytes)
        return unsafe BN_bn2binpad(number, buffer.baseAddress, Int32(buffer.count)) == buffer.count
    }

    /// Whether the certificate's key is of `scheme`.
    package func hasKey(of scheme: SignatureScheme) throws(CryptoError) -> Bool {
        try hasKey(of: SignatureAlgorithm(scheme).keyFormat)
    }

    /// Whether the signature of this certificate is one by the key of `issuer`.
    func isSigned(by issuer: X509Certificate) -> Bool {
        guard let key = unsafe X509_get0_pubkey(issuer.pointer), unsafe X509_verify(pointer, key) == 1 else {
            OpenSSL.drainErrors()
            return false
        }
        return true
    }
}
