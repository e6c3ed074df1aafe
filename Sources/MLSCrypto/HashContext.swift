import COpenSSL

/// A hash being computed: an OpenSSL context that is used again and again. One thread at a time.
///
/// Invariant: between two calls the context holds a hash that has been begun.
@safe public struct HashContext: ~Copyable {
    public let algorithm: HashAlgorithm
    private let implementation: OpaquePointer
    private let context: OpaquePointer

    public init(_ algorithm: HashAlgorithm) {
        self.algorithm = algorithm
        unsafe implementation = algorithm.implementation
        unsafe context = OpenSSL.require(EVP_MD_CTX_new(), "EVP_MD_CTX_new")
        begin()
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    private func begin() {
        unsafe OpenSSL.require(EVP_DigestInit_ex2(context, implementation, nil), "EVP_DigestInit_ex2")
    }

    /// Goes on with `bytes`.
    public mutating func update(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { bytes in
            unsafe OpenSSL.require(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count), "EVP_DigestUpdate")
        }
    }

    /// Writes the hash of what was given since the last one, `algorithm.byteCount` bytes, and begins the next.
    mutating func finalize(into hash: UnsafeMutablePointer<UInt8>) {
        unsafe OpenSSL.require(EVP_DigestFinal_ex(context, hash, nil), "EVP_DigestFinal_ex")
        begin()
    }

    /// The hash of what was given since the last one; begins the next.
    public mutating func finalize() -> [UInt8] {
        let byteCount = algorithm.byteCount
        return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { hash, count in
            guard let first = hash.baseAddress else { preconditionFailure("a hash has bytes") }
            unsafe finalize(into: first)
            count = byteCount
        }
    }
}

extension HashAlgorithm {
    /// The hash of `bytes`, with a context of its own.
    public func hash(_ bytes: RawSpan) -> [UInt8] {
        var context = HashContext(self)
        context.update(bytes)
        return context.finalize()
    }
}
