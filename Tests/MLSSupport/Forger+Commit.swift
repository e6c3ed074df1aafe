import MLS
package import MLSCodec
import MLSCrypto
package import MLSPublicGroup
import TLSPresentation

/// What is wrong in a Commit, and in the Welcome that goes with it: each at the stage where all that follows is made.
package struct CommitChanges {
    /// The committer's new leaf node, before it is signed.
    package var leafNode: (inout LeafNode) -> Void = { _ in }
    /// The path secret that a node's ciphertexts have; the keys are those of the right one.
    package var pathSecret: (Int, inout [UInt8]) -> Void = { _, _ in }
    /// The path with its ciphertexts, before the Commit is signed.
    package var path: (inout UpdatePath) -> Void = { _ in }
    /// All of it, before it is signed.
    package var content: (inout FramedContent) -> Void = { _ in }
    package var confirmationTag: (inout [UInt8]) -> Void = { _ in }

    /// The Welcome's GroupInfo, before it is signed.
    package var groupInfo: (inout GroupInfo) -> Void = { _ in }
    /// The encrypted GroupInfo, before the secrets of the joiners are sealed along with it.
    package var encryptedGroupInfo: (inout [UInt8]) -> Void = { _ in }
    /// What a joiner gets to know.
    package var groupSecrets: (inout GroupSecrets) -> Void = { _ in }
    /// The encoding of what a joiner gets to know.
    package var encodedGroupSecrets: (inout [UInt8]) -> Void = { _ in }
    /// For which KeyPackage each joiner's entry is.
    package var joiner: (inout KeyPackage) -> Void = { _ in }
    package var welcome: (inout Welcome) -> Void = { _ in }

    package init() {}
}

/// A Commit of a forger, and what it makes of the group.
package struct ForgedCommit {
    package let content: AuthenticatedContent
    /// An encoded MLSMessage.
    package let message: [UInt8]
    /// An encoded MLSMessage; nil where nobody joins.
    package let welcome: [UInt8]?
    package let group: PublicGroup
    let privateKeys: TreeKEMPrivateKeys
    package let joinerSecret: [UInt8]
    let pskSecret: [UInt8]
}

extension Forger {
    /// A pre-shared key as a Commit has it.
    package struct PSK {
        package let id: PreSharedKeyID
        package let secret: [UInt8]

        package init(_ id: PreSharedKeyID, secret: [UInt8]) {
            self.id = id
            self.secret = secret
        }
    }

    package func psk(_ key: PreSharedKeyID.Key, secret: [UInt8]) -> PSK {
        PSK(PreSharedKeyID(key, pskNonce: crypto.randomBytes(crypto.hashByteCount)), secret: secret)
    }

    /// - Parameters:
    ///   - psks: those of the PreSharedKey proposals, which are put behind `proposals`.
    ///   - resumption: what the group is made for, where this is its first Commit.
    package func commit(
        _ proposals: [ProposalOrRef] = [], psks: [PSK] = [], resumption: ResumptionPSKUsage? = nil,
        wireFormat: WireFormat = .mlsPublicMessage, changes: CommitChanges = CommitChanges()
    ) throws -> ForgedCommit {
        let proposals = proposals + psks.map { .proposal(.psk(PreSharedKey(psk: $0.id))) }
        var provisional = try group.applyProposals(proposals, committer: .member(leaf), resumption: resumption)
        let (keys, path) = try path(&provisional, changes)
        var framed = content(.commit(Commit(proposals: proposals, path: path)))
        changes.content(&framed)
        var message = try sign(framed, as: wireFormat)
        let context = group.groupContext(after: ConfirmedTranscriptHashInput(message), &provisional)
        let encoded = context.encoded
        let pskSecret = try pskSecret(psks)
        let commitSecret = keys.commitSecret.secret
        let initSecret = copy(secrets.initSecret)
        let joiner = JoinerSecret(
            initSecret: initSecret.bytes, commitSecret: commitSecret.bytes, groupContext: encoded.rawSpan,
            crypto: &crypto)
        let next = joiner.epochSecrets(psk: pskSecret.rawSpan, groupContext: encoded.rawSpan, crypto: &crypto)
        let confirmedHash = context.confirmedTranscriptHash
        var tag = next.confirmationTag(confirmedTranscriptHash: confirmedHash.rawSpan, crypto: &crypto)
        changes.confirmationTag(&tag)
        message.auth.confirmationTag = tag
        let staged = group.stage(provisional, groupContext: context, confirmationTag: tag).group
        let welcome =
            provisional.added.isEmpty
            ? nil : try welcome(provisional.added, staged, joiner, pskSecret, psks.map(\.id), keys, changes)
        return ForgedCommit(
            content: message, message: try seal(message), welcome: welcome, group: staged,
            privateKeys: privateKeys(keys, provisional.tree), joinerSecret: [UInt8](joiner.bytes),
            pskSecret: pskSecret)
    }

    /// - Returns: the committer's keys, and the path that tells them to the others.
    private func path(
        _ provisional: inout ProvisionalGroup, _ changes: CommitChanges
    ) throws -> (NewPath, UpdatePath) {
        let before = provisional.tree
        let keys = try NewPath(
            before.filteredDirectPath(of: leaf), leafKey: crypto.generateKeyPair(), crypto: &crypto)
        let parentHash = provisional.tree.mergePath(keys.publicKeys, from: leaf)
        let leafNode = try client.leafNode(.commit(parentHash: parentHash), groupID: groupID, leaf: leaf) {
            $0.encryptionKey = keys.leafKey.publicKeyBytes
            changes.leafNode(&$0)
        }
        var withLeaf = provisional
        do {
            try withLeaf.setOwnLeafNode(leafNode, parentHash: parentHash)
            provisional = withLeaf
        } catch {
            // Then it is one that no group takes.
            provisional.tree.setLeaf(leafNode, at: leaf)
        }
        let context = provisional.groupContext(for: group.groupContext).encoded
        var nodes: [UpdatePathNode] = []
        for (index, step) in keys.path.enumerated() {
            let kept = keys.secrets[index].secret
            var secret = [UInt8](kept.bytes)
            changes.pathSecret(index, &secret)
            var ciphertexts: [HPKECiphertext] = []
            for node in before.resolution(of: step.copathChild, excluding: provisional.addedLeaves) {
                let key = before.encryptionKey(at: node) ?? []
                let publicKey = try HPKEPublicKey(key.rawSpan, kem: crypto.kem)
                ciphertexts.append(
                    try crypto.encryptWithLabel(
                        secret.rawSpan, to: publicKey, label: "UpdatePathNode", context: context.rawSpan))
            }
            nodes.append(
                UpdatePathNode(encryptionKey: keys.publicKeys[index], encryptedPathSecret: ciphertexts))
        }
        var path = UpdatePath(leafNode: leafNode, nodes: nodes)
        changes.path(&path)
        return (keys, path)
    }

    private func privateKeys(_ path: NewPath, _ tree: GroupTree) -> TreeKEMPrivateKeys {
        var keys = privateKeys
        keys.setLeafKey(path.leafKey)
        for (step, key) in zip(path.path, path.keys) { keys.setParentKey(key, of: step.node) }
        keys.keepMatching(tree)
        return keys
    }

    private func pskSecret(_ psks: [PSK]) throws -> [UInt8] {
        var result = try PSKSecret(count: psks.count, crypto: crypto)
        for psk in psks {
            let secret = psk.secret
            result.add(secret.rawSpan, id: psk.id, crypto: &crypto)
        }
        let secret = result.finish()
        return [UInt8](secret.bytes)
    }

    private func welcome(
        _ added: [(leafIndex: LeafIndex, keyPackage: KeyPackage)], _ next: PublicGroup,
        _ joiner: borrowing JoinerSecret, _ psk: [UInt8], _ psks: [PreSharedKeyID], _ path: NewPath,
        _ changes: CommitChanges
    ) throws -> [UInt8] {
        let info = try signed(
            GroupInfo(
                groupContext: next.groupContext, extensions: [Extension(next.ratchetTree)],
                confirmationTag: next.confirmationTag, signer: leaf), changes.groupInfo
        ).encoded
        var encrypted = joiner.welcomeSecret(psk: psk.rawSpan, crypto: &crypto)
            .seal(groupInfo: info.rawSpan, crypto: &crypto)
        changes.encryptedGroupInfo(&encrypted)
        var entries: [EncryptedGroupSecrets] = []
        for (leaf, keyPackage) in added {
            var keyPackage = keyPackage
            changes.joiner(&keyPackage)
            var groupSecrets = GroupSecrets(joinerSecret: [UInt8](joiner.bytes), psks: psks)
            if let pathSecret = path.secret(for: leaf)?.secret { groupSecrets.pathSecret = [UInt8](pathSecret.bytes) }
            changes.groupSecrets(&groupSecrets)
            var plaintext = groupSecrets.encoded
            changes.encodedGroupSecrets(&plaintext)
            let (encoded, initKey) = (keyPackage.encoded, keyPackage.initKey)
            entries.append(
                EncryptedGroupSecrets(
                    newMember: try keyPackageRef(of: encoded.rawSpan, suite: client.suite),
                    encryptedGroupSecrets: try crypto.encryptWithLabel(
                        plaintext.rawSpan, to: HPKEPublicKey(initKey.rawSpan, kem: crypto.kem), label: "Welcome",
                        context: encrypted.rawSpan)))
        }
        var welcome = Welcome(cipherSuite: client.suite, secrets: entries, encryptedGroupInfo: encrypted)
        changes.welcome(&welcome)
        return MLSMessage.welcome(welcome).encoded
    }
}
