package import MLSCodec
package import MLSCrypto
package import MLSPublicGroup
import TLSPresentation

/// The new keys from a committer's leaf to the root, as the committer knows them. RFC 9420 section 7.4.
package struct NewPath: Sendable {
    /// The committer's filtered direct path.
    package let path: [PathNode]
    package let leafKey: HPKEPrivateKey
    /// Of each node of `path`.
    package let secrets: [PathSecret]
    /// Of each node of `path`.
    package let keys: [HPKEPrivateKey]
    package let commitSecret: PathSecret

    /// - Parameters:
    ///   - path: the committer's filtered direct path, with the Commit's proposals applied.
    ///   - leafKey: the new key of the committer's leaf.
    package init(
        _ path: [PathNode], leafKey: HPKEPrivateKey, crypto: inout CipherSuiteContext
    ) throws(CryptoError) {
        self.path = path
        self.leafKey = leafKey
        var secret = PathSecret(crypto.randomSecret(byteCount: crypto.hashByteCount))
        var (secrets, keys): ([PathSecret], [HPKEPrivateKey]) = ([], [])
        for _ in path {
            keys.append(try secret.nodeKey(crypto: &crypto))
            secrets.append(secret)
            secret = secret.next(crypto: &crypto)
        }
        (self.secrets, self.keys, commitSecret) = (secrets, keys, secret)
    }

    package var publicKeys: [[UInt8]] { keys.map(\.publicKeyBytes) }

    /// The path secret that a new member gets: that of the lowest node above both it and the committer. RFC 9420
    /// section 12.4.1.
    package func secret(for joiner: LeafIndex) -> PathSecret? {
        path.firstIndex { NodeIndex(joiner).isInSubtree(of: $0.node) }.map { secrets[$0] }
    }

    /// Each node's secret, encrypted to those on the other side of it. RFC 9420 section 7.5.
    /// ```
    /// encrypted_path_secret[i] = EncryptWithLabel(resolution[i], "UpdatePathNode", group_context, path_secret)
    /// ```
    /// - Parameters:
    ///   - tree: with the Commit's proposals applied; whether with the path makes no difference here.
    ///   - joiners: the leaves that the Commit adds, which learn the secret from the Welcome.
    ///   - groupContext: the encoding of the provisional one: with the path's tree hash, and the old confirmed hash.
    ///   - threadCount: on how many threads.
    /// - Throws: `invalidKey` where a member's key is of small order.
    package func encrypted(
        tree: GroupTree, excluding joiners: Set<LeafIndex>, groupContext: [UInt8], threadCount: Int = 1,
        crypto: inout CipherSuiteContext
    ) throws(CryptoError) -> [UpdatePathNode] {
        let context = crypto.encryptContext(label: "UpdatePathNode", context: groupContext.rawSpan)
        let resolutions = path.map { tree.resolution(of: $0.copathChild, excluding: joiners) }
        let recipients = zip(resolutions, secrets).flatMap { nodes, secret in nodes.map { (node: $0, secret: secret) } }
        let ciphertexts = try crypto.concurrentMap(count: recipients.count, threadCount: threadCount) {
            (number, crypto) throws(CryptoError) in
            guard let bytes = tree.encryptionKey(at: recipients[number].node) else {
                preconditionFailure("nodes of a resolution")
            }
            let key = try HPKEPublicKey(bytes.rawSpan, kem: crypto.kem)
            let secret = recipients[number].secret.secret
            return try crypto.encrypt(secret.bytes, to: key, in: context)
        }
        var rest = ciphertexts[...]
        return zip(keys, resolutions).map { key, resolution in
            let own = rest.prefix(resolution.count)
            rest = rest.dropFirst(resolution.count)
            return UpdatePathNode(encryptionKey: key.publicKeyBytes, encryptedPathSecret: Array(own))
        }
    }
}
