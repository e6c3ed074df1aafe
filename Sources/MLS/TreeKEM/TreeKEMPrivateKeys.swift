package import MLSCodec
package import MLSCrypto
package import MLSPublicGroup
import TLSPresentation

/// A member's private half of the ratchet tree: the keys of its leaf and of the nodes above that it knows.
/// RFC 9420 section 4.2.
///
/// Invariant, kept by `keepMatching`: the public half of each key is the `encryption_key` of its node in the tree.
package struct TreeKEMPrivateKeys: Sendable {
    package let leaf: LeafIndex
    package private(set) var leafKey: HPKEPrivateKey
    package private(set) var parentKeys: [NodeIndex: HPKEPrivateKey] = [:]

    package init(leaf: LeafIndex, leafKey: HPKEPrivateKey, parentKeys: [NodeIndex: HPKEPrivateKey] = [:]) {
        self.leaf = leaf
        self.leafKey = leafKey
        self.parentKeys = parentKeys
    }

    /// The key of `node`, where it is known.
    private func key(of node: NodeIndex) -> HPKEPrivateKey? {
        node == NodeIndex(leaf) ? leafKey : parentKeys[node]
    }

    /// Replaces the key of one's leaf, by an Update or a path of one's own.
    package mutating func setLeafKey(_ key: HPKEPrivateKey) { leafKey = key }

    package mutating func setParentKey(_ key: HPKEPrivateKey, of node: NodeIndex) { parentKeys[node] = key }

    /// Drops all keys but the leaf's, which alone opens nothing.
    mutating func forget() { parentKeys = [:] }

    /// Drops the keys of nodes that `tree` has blank or with another key. RFC 9420 section 9.2 asks for it.
    package mutating func keepMatching(_ tree: GroupTree) {
        for (node, key) in parentKeys where tree.encryptionKey(at: node) != key.publicKeyBytes {
            parentKeys[node] = nil
        }
    }

    /// Takes in a path secret and those that follow from it, for the nodes of `path` from the one at `start` on, and
    /// checks each key pair against the public key that the tree has for its node. RFC 9420 sections 7.5 and 12.4.3.1.
    /// - Parameter path: the filtered direct path of whoever made the secrets.
    /// - Returns: the secret after the last one: the commit_secret.
    /// - Throws: `refused(mismatch)`; then this is as it was.
    package mutating func implant(
        _ pathSecret: PathSecret, along path: [PathNode], from start: Int, publicKey: (Int) -> [UInt8]?,
        mismatch: ValidationRule, crypto: inout CipherSuiteContext
    ) throws(GroupError) -> PathSecret {
        var keys = parentKeys
        var secret = pathSecret
        for index in path.indices[start...] {
            let key: HPKEPrivateKey
            do throws(CryptoError) { key = try secret.nodeKey(crypto: &crypto) } catch { throw .crypto(error) }
            // "Verify that the derived public keys are the same as the corresponding public keys sent in the UpdatePath."
            guard key.publicKeyBytes == publicKey(index) else { throw .refused(mismatch) }
            keys[path[index].node] = key
            secret = secret.next(crypto: &crypto)
        }
        parentKeys = keys
        return secret
    }

    /// Decrypts the one path secret of an UpdatePath that is for this member. RFC 9420 section 7.5.
    /// - Parameters:
    ///   - tree: with the Commit's proposals applied, and without its path.
    ///   - path: the committer's filtered direct path in `tree`.
    ///   - joiners: the leaves that the Commit adds.
    ///   - groupContext: the encoding of the provisional one.
    /// - Returns: the secret, and for which node of `path`.
    /// - Throws: `refused` with `pathSecretDecryption` where it is not there, or not for these keys.
    package func decrypt(
        _ nodes: [UpdatePathNode], tree: GroupTree, path: [PathNode], excluding joiners: Set<LeafIndex>,
        groupContext: [UInt8], crypto: inout CipherSuiteContext
    ) throws(GroupError) -> (secret: PathSecret, index: Int) {
        // "Identify a node in the filtered direct path for which the recipient is in the subtree of the non-updated child"
        guard let index = path.firstIndex(where: { NodeIndex(leaf).isInSubtree(of: $0.copathChild) }),
            index < nodes.count
        else { throw .refused(.pathSecretDecryption) }
        // "Identify a node in the resolution of the copath node for which the recipient has a private key"
        let resolution = tree.resolution(of: path[index].copathChild, excluding: joiners)
        guard let position = resolution.firstIndex(where: { key(of: $0) != nil }),
            let key = key(of: resolution[position]),
            position < nodes[index].encryptedPathSecret.count
        else { throw .refused(.pathSecretDecryption) }
        // "Decrypt the path secret for the parent of the copath node using the private key from the resolution node."
        do throws(CryptoError) {
            let secret = try crypto.decryptWithLabel(
                nodes[index].encryptedPathSecret[position], key: key, label: "UpdatePathNode",
                context: groupContext.rawSpan)
            guard secret.byteCount == crypto.hashByteCount else { throw CryptoError.notAuthentic }
            return (PathSecret(secret), index)
        } catch { throw .refused(.pathSecretDecryption) }
    }
}
