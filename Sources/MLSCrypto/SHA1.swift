import COpenSSL

/// SHA-1 of `bytes`, 20 bytes: for WebSocket's handshake (RFC 6455 section 4.2.2), where nothing depends on its strength.
public func sha1(_ bytes: [UInt8]) -> [UInt8] {
    var hash = [UInt8](repeating: 0, count: 20)
    unsafe bytes.withUnsafeBytes { input in
        unsafe OpenSSL.require(
            EVP_Digest(input.baseAddress, input.count, &hash, nil, EVP_sha1(), nil), "EVP_Digest")
    }
    return hash
}
