import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation
import TestSupport
import Testing

struct TreeKEMVector: Decodable {
    struct PathSecretVector: Decodable {
        let node: UInt32
        let path_secret: Hex
    }
    struct Leaf: Decodable {
        let index: UInt32
        let encryption_priv: Hex
        let signature_priv: Hex
        let path_secrets: [PathSecretVector]
    }
    struct Update: Decodable {
        let sender: UInt32
        let update_path: Hex
        let path_secrets: [Hex?]
        let commit_secret: Hex
        let tree_hash_after: Hex
    }
    let cipher_suite: UInt16
    let group_id: Hex
    let epoch: UInt64
    let confirmed_transcript_hash: Hex
    let ratchet_tree: Hex
    let leaves_private: [Leaf]
    let update_paths: [Update]

    func groupContext(treeHash: [UInt8]) -> [UInt8] {
        GroupContext(
            cipherSuite: CipherSuite(rawValue: cipher_suite), groupID: group_id.bytes, epoch: epoch,
            treeHash: treeHash, confirmedTranscriptHash: confirmed_transcript_hash.bytes
        ).encoded
    }
}

extension SharedSecret {
    /// A copy that may be compared.
    var copied: [UInt8] { [UInt8](bytes) }
}

@Suite("TreeKEM (RFC 9420 sections 7.4 to 7.6)")
struct TreeKEMTests {
    /// The private keys of each leaf of `vector`, every one of which has to be that of its node.
    private func privateKeys(
        _ vector: TreeKEMVector, _ tree: GroupTree, _ crypto: inout CipherSuiteContext
    ) throws -> [TreeKEMPrivateKeys] {
        var states: [TreeKEMPrivateKeys] = []
        for leaf in vector.leaves_private {
            let leafKey = try HPKEPrivateKey(privateKey: leaf.encryption_priv.bytes.rawSpan, kem: crypto.kem)
            #expect(tree.encryptionKey(at: NodeIndex(LeafIndex(leaf.index))) == leafKey.publicKeyBytes)
            var keys = TreeKEMPrivateKeys(leaf: LeafIndex(leaf.index), leafKey: leafKey)
            for entry in leaf.path_secrets {
                let secret = PathSecret(SecretBytes(copying: entry.path_secret.bytes.rawSpan))
                let key = try secret.nodeKey(crypto: &crypto)
                #expect(tree.encryptionKey(at: NodeIndex(entry.node)) == key.publicKeyBytes)
                keys.setParentKey(key, of: NodeIndex(entry.node))
            }
            states.append(keys)
        }
        return states
    }

    @Test("official vectors: treekem.json, UpdatePaths received and made", arguments: 1...7 as ClosedRange<UInt16>)
    func vectors(suite: UInt16) throws {
        for vector in try Vectors.load("treekem.json", of: TreeKEMVector.self) where vector.cipher_suite == suite {
            var crypto = try CipherSuiteContext(CipherSuite(rawValue: suite))
            let tree = try GroupTree(RatchetTree(decoding: vector.ratchet_tree.bytes), suite: crypto.suite)
            let states = try privateKeys(vector, tree, &crypto)
            for update in vector.update_paths {
                try receive(update, vector, tree, states, &crypto)
                try make(LeafIndex(update.sender), vector, tree, states, &crypto)
            }
        }
    }

    private func receive(
        _ update: TreeKEMVector.Update, _ vector: TreeKEMVector, _ tree: GroupTree, _ states: [TreeKEMPrivateKeys],
        _ crypto: inout CipherSuiteContext
    ) throws {
        let sender = LeafIndex(update.sender)
        let updatePath = try UpdatePath(decoding: update.update_path.bytes)
        let path = tree.filteredDirectPath(of: sender)
        #expect(path.count == updatePath.nodes.count)
        var after = tree
        let parentHash = after.mergePath(updatePath.nodes.map(\.encryptionKey), from: sender)
        #expect(updatePath.leafNode.source == .commit(parentHash: parentHash))
        after.setLeaf(updatePath.leafNode, at: sender)
        let treeHash = after.treeHash()
        #expect(treeHash == update.tree_hash_after.bytes)
        let groupContext = vector.groupContext(treeHash: treeHash)
        for var keys in states where keys.leaf != sender {
            let (secret, index) = try keys.decrypt(
                updatePath.nodes, tree: tree, path: path, excluding: [], groupContext: groupContext, crypto: &crypto)
            let expected = update.path_secrets[Int(keys.leaf.rawValue)]
            #expect(secret.secret.copied == expected?.bytes)
            let commitSecret = try keys.implant(
                secret, along: path, from: index, publicKey: { updatePath.nodes[$0].encryptionKey },
                mismatch: .pathSecretKeys, crypto: &crypto)
            #expect(commitSecret.secret.copied == update.commit_secret.bytes)
        }
    }

    private func make(
        _ sender: LeafIndex, _ vector: TreeKEMVector, _ tree: GroupTree, _ states: [TreeKEMPrivateKeys],
        _ crypto: inout CipherSuiteContext
    ) throws {
        let path = tree.filteredDirectPath(of: sender)
        let made = try NewPath(path, leafKey: crypto.generateKeyPair(), crypto: &crypto)
        var after = tree
        let parentHash = after.mergePath(made.publicKeys, from: sender)
        var leafNode = try #require(tree.leafNode(at: sender))
        leafNode.encryptionKey = made.leafKey.publicKeyBytes
        leafNode.source = .commit(parentHash: parentHash)
        after.setLeaf(leafNode, at: sender)
        let isValid = after.parentHashesAreValid()
        #expect(isValid)
        let groupContext = vector.groupContext(treeHash: after.treeHash())
        let nodes = try made.encrypted(tree: tree, excluding: [], groupContext: groupContext, crypto: &crypto)
        for var keys in states where keys.leaf != sender {
            let (secret, index) = try keys.decrypt(
                nodes, tree: tree, path: path, excluding: [], groupContext: groupContext, crypto: &crypto)
            let commitSecret = try keys.implant(
                secret, along: path, from: index, publicKey: { nodes[$0].encryptionKey },
                mismatch: .pathSecretKeys, crypto: &crypto)
            #expect(commitSecret.secret.copied == made.commitSecret.secret.copied)
            // Now it has a key for each node above that somebody new is reached by.
            keys.keepMatching(after)
            #expect(Set(path[index...].map(\.node)).isSubset(of: keys.parentKeys.keys))
            // Somebody else's secret does not pass for it.
            #expect(throws: GroupError.refused(.pathSecretKeys)) {
                try keys.implant(
                    PathSecret(SecretBytes(copying: groupContext.rawSpan)), along: path, from: index,
                    publicKey: { nodes[$0].encryptionKey }, mismatch: .pathSecretKeys, crypto: &crypto)
            }
        }
    }
}
