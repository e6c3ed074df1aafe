package import MLSCrypto

/// A secret from which a node's key pair follows, and the secrets of all nodes above. RFC 9420 section 7.4.
///
/// Erased when nobody refers to it any longer.
package final class PathSecret: Sendable {
    package let secret: SecretBytes

    package init(_ secret: consuming SecretBytes) { self.secret = secret }

    /// `path_secret[n] = DeriveSecret(path_secret[n-1], "path")`; that of the last node gives the commit_secret.
    package func next(crypto: inout CipherSuiteContext) -> PathSecret {
        PathSecret(secret.withBytes { crypto.deriveSecret($0, label: "path") })
    }

    /// The key pair of the node that this is the secret of.
    /// ```
    /// node_secret[n] = DeriveSecret(path_secret[n], "node")
    /// node_priv[n], node_pub[n] = KEM.DeriveKeyPair(node_secret[n])
    /// ```
    /// - Throws: `invalidKey`, with a probability that nobody will see.
    package func nodeKey(crypto: inout CipherSuiteContext) throws(CryptoError) -> HPKEPrivateKey {
        let nodeSecret = secret.withBytes { crypto.deriveSecret($0, label: "node") }
        return try crypto.deriveKeyPair(nodeSecret.bytes)
    }
}
