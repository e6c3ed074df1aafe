import COpenSSL

/// Diffie-Hellman. RFC 9180 section 4.1.
extension EVPKey {
    /// `DH(skX, pkY)` of this private key and `peer`, which `init(publicKey:of:)` has validated.
    /// - Throws: `invalidKey` where a peer of small order makes the secret all zero. RFC 9180 section 7.1.4.
    func agree(with peer: borrowing EVPKey, byteCount: Int) throws(CryptoError) -> SecretBytes {
        let context = unsafe try OpenSSL.check(
            EVP_PKEY_CTX_new_from_pkey(nil, pointer, nil), "EVP_PKEY_CTX_new_from_pkey")
        defer { unsafe EVP_PKEY_CTX_free(context) }
        unsafe try OpenSSL.check(EVP_PKEY_derive_init(context), "EVP_PKEY_derive_init")
        // 0: no second validation, which on a NIST curve doubles the cost.
        unsafe try OpenSSL.check(
            EVP_PKEY_derive_set_peer_ex(context, peer.pointer, 0), "EVP_PKEY_derive_set_peer_ex")
        var secret = SecretBytes(byteCount: byteCount)
        var written = byteCount
        let result = unsafe secret.withUnsafeMutableBytes { secret in
            unsafe EVP_PKEY_derive(context, secret.bindMemory(to: UInt8.self).baseAddress, &written)
        }
        guard result == 1, written == byteCount else {
            OpenSSL.drainErrors()
            throw .invalidKey
        }
        return secret
    }
}
