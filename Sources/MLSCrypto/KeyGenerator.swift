import COpenSSL

/// Generates key pairs of one algorithm with an OpenSSL context that is kept. One thread at a time.
@safe struct KeyGenerator: ~Copyable {
    private let format: KeyFormat
    /// Nil until a key pair is asked for.
    private var context: OpaquePointer?

    init(_ format: KeyFormat) {
        self.format = format
        unsafe context = nil
    }

    deinit { unsafe EVP_PKEY_CTX_free(context) }

    /// A new key pair, which the caller frees.
    mutating func generate() throws(CryptoError) -> OpaquePointer {
        if unsafe context == nil {
            let created =
                if let parameters = unsafe format.parameters {
                    unsafe EVP_PKEY_CTX_new_from_pkey(nil, parameters, nil)
                } else {
                    unsafe EVP_PKEY_CTX_new_from_name(nil, format.typeName, nil)
                }
            unsafe context = try OpenSSL.check(created, "EVP_PKEY_CTX_new")
            unsafe try OpenSSL.check(EVP_PKEY_keygen_init(context), "EVP_PKEY_keygen_init")
        }
        var key: OpaquePointer?
        unsafe try OpenSSL.check(EVP_PKEY_generate(context, &key), "EVP_PKEY_generate")
        return unsafe try OpenSSL.check(key, "EVP_PKEY_generate")
    }
}
