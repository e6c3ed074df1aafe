import COpenSSL

/// An HMAC being computed: an OpenSSL context that is re-keyed again and again. RFC 2104. One thread at a time.
///
/// The last key stays in the context until the next one, or `forget`.
@safe struct HMACContext: ~Copyable {
    let algorithm: HashAlgorithm
    private let context: OpaquePointer

    init(_ algorithm: HashAlgorithm) {
        self.algorithm = algorithm
        unsafe context = OpenSSL.require(EVP_MAC_CTX_new(Self.implementation), "EVP_MAC_CTX_new")
        // OpenSSL goes by the zero behind the name, whatever length it is told.
        let parameterName: StaticString = "digest"
        var parameters = unsafe [
            OSSL_PARAM_construct_utf8_string(
                parameterName.cString, UnsafeMutablePointer(mutating: algorithm.name.cString), 0),
            OSSL_PARAM_construct_end(),
        ]
        unsafe OpenSSL.require(EVP_MAC_CTX_set_params(context, &parameters), "EVP_MAC_CTX_set_params")
    }

    deinit { unsafe EVP_MAC_CTX_free(context) }

    // An EVP_MAC does not change once it is fetched, so every thread may use it.
    private nonisolated(unsafe) static let implementation = unsafe OpenSSL.require(
        EVP_MAC_fetch(nil, "HMAC", nil), "EVP_MAC_fetch")

    /// Begins an HMAC with `key`.
    mutating func begin(key: RawSpan) {
        unsafe key.withUnsafeBytes { key in
            guard let bytes = unsafe key.bindMemory(to: UInt8.self).baseAddress, key.count > 0 else {
                // No key would mean the last one to OpenSSL; HMAC fills a short key up with zeros.
                return unsafe begin(key: Self.zero.utf8Start, byteCount: 1)
            }
            unsafe begin(key: bytes, byteCount: key.count)
        }
    }

    private func begin(key: UnsafePointer<UInt8>?, byteCount: Int) {
        unsafe OpenSSL.require(EVP_MAC_init(context, key, byteCount, nil), "EVP_MAC_init")
    }

    private static let zero: StaticString = "\0"

    /// Begins another HMAC with the same key.
    mutating func beginAgain() { unsafe begin(key: nil, byteCount: 0) }

    mutating func update(_ bytes: RawSpan) { unsafe bytes.withUnsafeBytes { unsafe update($0) } }

    mutating func update(_ literal: StaticString) {
        unsafe update(UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        let first = unsafe bytes.bindMemory(to: UInt8.self).baseAddress
        unsafe OpenSSL.require(EVP_MAC_update(context, first, bytes.count), "EVP_MAC_update")
    }

    /// Writes the HMAC of what was given since it was begun, `algorithm.byteCount` bytes.
    mutating func finalize(into tag: UnsafeMutableRawBufferPointer) {
        precondition(tag.count == algorithm.byteCount, "room for an HMAC")
        var byteCount = 0
        let first = unsafe tag.bindMemory(to: UInt8.self).baseAddress
        unsafe OpenSSL.require(EVP_MAC_final(context, first, &byteCount, tag.count), "EVP_MAC_final")
    }

    /// Overwrites the last key.
    mutating func forget() { unsafe begin(key: Self.zero.utf8Start, byteCount: 1) }
}
