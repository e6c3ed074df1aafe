import COpenSSL

/// The SHA-1 hash of `bytes`, 20 bytes: for the opening handshake of WebSockets and nothing that must be secure.
/// RFC 6455 section 4.2.2.
public func sha1(_ bytes: RawSpan) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: 20) { hash, count in
        unsafe bytes.withUnsafeBytes { bytes in
            unsafe OpenSSL.require(
                EVP_Q_digest(nil, "SHA1", nil, bytes.baseAddress, bytes.count, hash.baseAddress, &count), "EVP_Q_digest"
            )
        }
    }
}
