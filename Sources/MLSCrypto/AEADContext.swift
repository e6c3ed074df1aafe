import COpenSSL
import TLSPresentation

/// An AEAD: an OpenSSL context that is re-keyed again and again. RFC 5116. One thread at a time.
///
/// The last key stays in the context until the next one, or `forget`.
@safe struct AEADContext: ~Copyable {
    let algorithm: AEADAlgorithm
    private let context: OpaquePointer

    init(_ algorithm: AEADAlgorithm) {
        self.algorithm = algorithm
        unsafe context = OpenSSL.require(EVP_CIPHER_CTX_new(), "EVP_CIPHER_CTX_new")
        unsafe OpenSSL.require(
            EVP_CipherInit_ex2(context, algorithm.implementation, nil, nil, 1, nil), "EVP_CipherInit_ex2")
    }

    deinit { unsafe EVP_CIPHER_CTX_free(context) }

    /// Writes the ciphertext and behind it the tag.
    /// - Precondition: key and nonce have the algorithm's lengths; `ciphertext` is longer than `plaintext` by a tag.
    mutating func seal(
        _ plaintext: RawSpan, key: RawSpan, nonce: RawSpan, authenticating data: RawSpan,
        into ciphertext: UnsafeMutableRawBufferPointer
    ) {
        precondition(ciphertext.count == plaintext.byteCount + algorithm.tagByteCount, "room for a ciphertext")
        begin(key: key, nonce: nonce, isSealing: true)
        let bytes = unsafe ciphertext.bindMemory(to: UInt8.self).baseAddress
        guard let bytes = unsafe bytes else { preconditionFailure("a tag has bytes") }
        let isDone = unsafe authenticate(data) && update(plaintext, into: bytes)
        OpenSSL.require(isDone ? 1 : 0, "EVP_CipherUpdate")
        var count: Int32 = 0
        let tag = unsafe bytes + plaintext.byteCount
        unsafe OpenSSL.require(EVP_CipherFinal_ex(context, tag, &count), "EVP_CipherFinal_ex")
        unsafe OpenSSL.require(
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(algorithm.tagByteCount), tag),
            "EVP_CIPHER_CTX_ctrl")
    }

    /// Writes the plaintext. Where the ciphertext is not authentic this returns false, and `plaintext` is zero.
    /// - Precondition: key and nonce have the algorithm's lengths; `plaintext` is shorter than `ciphertext` by a tag.
    mutating func open(
        _ ciphertext: RawSpan, key: RawSpan, nonce: RawSpan, authenticating data: RawSpan,
        into plaintext: UnsafeMutableRawBufferPointer
    ) -> Bool {
        precondition(ciphertext.byteCount == plaintext.count + algorithm.tagByteCount, "room for a plaintext")
        begin(key: key, nonce: nonce, isSealing: false)
        let tag = ciphertext.extracting(last: algorithm.tagByteCount)
        // What is to be written has an address even where it is empty.
        var none: (UInt8, UInt8, UInt8, UInt8) = (0, 0, 0, 0)
        let isAuthentic = unsafe withUnsafeMutablePointer(to: &none.0) { none in
            let bytes = unsafe plaintext.bindMemory(to: UInt8.self).baseAddress ?? none
            var count: Int32 = 0
            return unsafe authenticate(data)
                && update(ciphertext.extracting(first: plaintext.count), into: bytes)
                && tag.withUnsafeBytes { tag in
                    unsafe EVP_CIPHER_CTX_ctrl(
                        context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count),
                        UnsafeMutableRawPointer(mutating: tag.baseAddress)) == 1
                } && EVP_CipherFinal_ex(context, bytes + plaintext.count, &count) == 1
        }
        if !isAuthentic {
            OpenSSL.drainErrors()
            unsafe OPENSSL_cleanse(plaintext.baseAddress, plaintext.count)
        }
        return isAuthentic
    }

    /// Overwrites the last key.
    mutating func forget() {
        let zero = [UInt8](repeating: 0, count: algorithm.keyByteCount)
        begin(key: zero.rawSpan, nonce: zero.rawSpan.extracting(first: algorithm.nonceByteCount), isSealing: true)
    }

    private func begin(key: RawSpan, nonce: RawSpan, isSealing: Bool) {
        precondition(key.byteCount == algorithm.keyByteCount, "a key of the algorithm")
        precondition(nonce.byteCount == algorithm.nonceByteCount, "a nonce of the algorithm")
        unsafe key.withUnsafeBytes { key in
            unsafe nonce.withUnsafeBytes { nonce in
                // Naming the algorithm again would make the context anew.
                unsafe OpenSSL.require(
                    EVP_CipherInit_ex2(
                        context, nil, key.bindMemory(to: UInt8.self).baseAddress,
                        nonce.bindMemory(to: UInt8.self).baseAddress, isSealing ? 1 : 0, nil), "EVP_CipherInit_ex2")
            }
        }
    }

    private func authenticate(_ data: RawSpan) -> Bool { unsafe update(data, into: nil) }

    /// OpenSSL counts in 31 bits; a vector of MLS has at most 2^30 - 1 bytes.
    private func update(_ bytes: RawSpan, into output: UnsafeMutablePointer<UInt8>?) -> Bool {
        if bytes.isEmpty { return true }
        guard let byteCount = Int32(exactly: bytes.byteCount) else { return false }
        var count: Int32 = 0
        return unsafe bytes.withUnsafeBytes { bytes in
            unsafe EVP_CipherUpdate(
                context, output, &count, bytes.bindMemory(to: UInt8.self).baseAddress, byteCount) == 1
        }
    }
}
