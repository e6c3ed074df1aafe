package import MLSCrypto

/// A secret from which a node's key pair follows, and the secrets of all nodes above. RFC 9420 section 7.4.
///
/// Erased when nobody has it any longer.
package struct PathSecret: Sendable {
    package let secret: SharedSecret

    package init(_ secret: borrowing SecretBytes) { self.secret = SharedSecret(copying: secret.bytes) }

    /// `path_secret[n] = DeriveSecret(path_secret[n-1], "path")`; that of the last node gives the commit_secret.
    package func next(crypto: inout CipherSuiteContext) -> PathSecret {
        PathSecret(crypto.deriveSecret(secret.bytes, label: "path"))
    }

    /// The key pair of the node that this is the secret of.
    /// ```
    /// node_secret[n] = DeriveSecret(path_secret[n], "node")
    /// node_priv[n], node_pub[n] = KEM.DeriveKeyPair(node_secret[n])
    /// ```
    /// - Throws: `invalidKey`, with a probability that nobody will see.
    package func nodeKey(crypto: inout CipherSuiteContext) throws(CryptoError) -> HPKEPrivateKey {
        let nodeSecret = crypto.deriveSecret(secret.bytes, label: "node")
        return try crypto.deriveKeyPair(nodeSecret.bytes)
    }
}
