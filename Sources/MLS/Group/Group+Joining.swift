public import MLSCodec
import MLSCrypto
public import MLSPublicGroup
import TLSPresentation

/// Joining by a Welcome. RFC 9420 section 12.4.3.1.
extension Group {
    /// The group that a Welcome takes its reader into.
    ///
    /// The private init key is to be deleted then (section 10), unless its KeyPackage is a last resort.
    /// - Parameters:
    ///   - welcome: an encoded MLSMessage.
    ///   - keyPackages: one's own that are not used up; one of them has to be in the Welcome.
    ///   - ratchetTree: where the Welcome does not have it.
    ///   - psks: where the Commit's pre-shared keys are found.
    ///   - knownGroupIDs: the groups that one is in already: "Verify that the group_id is unique among the groups that
    ///     the client is currently participating in" (section 12.4.3).
    /// - Throws: what is wrong with the Welcome or the group.
    public init(
        joining welcome: [UInt8], keyPackages: [KeyPackageSecrets], ratchetTree: RatchetTree? = nil,
        identity: ClientIdentity, psks: some PreSharedKeyStore = NoPreSharedKeys(),
        knownGroupIDs: Set<[UInt8]> = [], configuration: GroupConfiguration
    ) throws(GroupError) {
        try self.init(
            joining: welcome, keyPackages: keyPackages, ratchetTree: ratchetTree, identity: identity, psks: psks,
            knownGroupIDs: knownGroupIDs, predecessor: nil, configuration: configuration)
    }

    /// - Parameter predecessor: the group that this one goes on from, where it is joined as such: only then a PSK for a
    ///   reinitialization or a branch is taken.
    init(
        joining welcome: [UInt8], keyPackages: [KeyPackageSecrets], ratchetTree: RatchetTree?, identity: ClientIdentity,
        psks: some PreSharedKeyStore, knownGroupIDs: Set<[UInt8]>, predecessor: Predecessor?,
        configuration: GroupConfiguration
    ) throws(GroupError) {
        let welcome = try Welcome(message: welcome)
        // "Identify an entry in the secrets array where the new_member value corresponds to one of this client's
        // KeyPackages, using the hash indicated by the cipher_suite field. If no such field exists, or if the cipher suite
        // indicated in the KeyPackage does not match the one in the Welcome message, return an error."
        guard
            let (entry, keyPackage) = welcome.secrets.lazy.compactMap({ entry in
                keyPackages.first { $0.ref == entry.newMember }.map { (entry, $0) }
            }).first
        else { throw .refused(.welcomeEntry) }
        guard keyPackage.keyPackage.cipherSuite == welcome.cipherSuite else { throw .refused(.welcomeSuite) }
        var crypto = try GroupError.crypto { () throws(CryptoError) in
            try CipherSuiteContext(welcome.cipherSuite, randomSource: configuration.randomSource)
        }
        // "Decrypt the encrypted_group_secrets value with the algorithms indicated by the cipher suite and the private key
        // init_key_priv corresponding to init_key in the referenced KeyPackage."
        let groupSecrets = try GroupError.keySchedule(or: .groupSecretsDecryption) { () throws(KeyScheduleError) in
            try JoinerSecrets(
                opening: entry.encryptedGroupSecrets, initKey: keyPackage.initKey,
                encryptedGroupInfo: welcome.encryptedGroupInfo.rawSpan, crypto: &crypto)
        }
        try groupSecrets.checkResumption(predecessor)
        // "If a PreSharedKeyID is part of the GroupSecrets and the client is not in possession of the corresponding PSK,
        // return an error."
        let pskSecret: SecretBytes
        do throws(GroupError) {
            pskSecret = try psks.pskSecret(groupSecrets.psks, groupID: [], own: [:], crypto: &crypto)
        } catch { throw .refused(.welcomePSK) }
        // "From the joiner_secret in the decrypted GroupSecrets object and the PSKs specified in the GroupSecrets, derive the
        // welcome_secret and then the welcome_key and welcome_nonce. Use the key and nonce to decrypt the
        // encrypted_group_info field."
        let welcomeSecret = groupSecrets.joinerSecret.welcomeSecret(psk: pskSecret.bytes, crypto: &crypto)
        let groupInfo = try GroupError.keySchedule(or: .groupInfoDecryption) { () throws(KeyScheduleError) in
            try welcomeSecret.open(encryptedGroupInfo: welcome.encryptedGroupInfo.rawSpan, crypto: &crypto)
        }
        // "Verify that the cipher_suite in the GroupInfo matches the cipher_suite in the KeyPackage."
        guard groupInfo.groupContext.cipherSuite == welcome.cipherSuite else { throw .refused(.groupInfoSuite) }
        // "Verify that the group_id is unique among the groups that the client is currently participating in."
        guard !knownGroupIDs.contains(groupInfo.groupContext.groupID) else { throw .refused(.groupIDUnique) }
        let publicGroup = try PublicGroup(groupInfo: groupInfo, ratchetTree: ratchetTree, policy: configuration.policy)
        try predecessor?.check(publicGroup, groupSecrets.psks)
        // "Identify a leaf whose LeafNode is identical to the one in the KeyPackage. If no such field exists, return an
        // error. Let my_leaf represent this leaf in the tree."
        guard let ownLeaf = publicGroup.tree.leaf(of: keyPackage.keyPackage.leafNode) else {
            throw .refused(.ownLeaf)
        }
        var keys = TreeKEMPrivateKeys(leaf: ownLeaf, leafKey: keyPackage.leafKey)
        try keys.implant(groupSecrets.pathSecret, signer: groupInfo.signer, publicGroup.tree, crypto: &crypto)
        // "Use the joiner_secret from the GroupSecrets object to generate the epoch secret and other derived secrets for the
        // current epoch."
        let context = publicGroup.encodedGroupContext
        let secrets = groupSecrets.joinerSecret.epochSecrets(
            psk: pskSecret.bytes, groupContext: context.rawSpan, crypto: &crypto)
        // "Verify the confirmation tag in the GroupInfo using the derived confirmation key and the
        // confirmed_transcript_hash from the GroupInfo."
        let (tag, confirmedHash) = (groupInfo.confirmationTag, groupInfo.groupContext.confirmedTranscriptHash)
        guard
            secrets.isConfirmed(by: tag.rawSpan, confirmedTranscriptHash: confirmedHash.rawSpan, crypto: &crypto)
        else { throw .refused(.groupInfoConfirmationTag) }
        crypto.forget()
        self.init(
            publicGroup, identity: identity, configuration: configuration, privateKeys: keys, secrets: secrets,
            crypto: crypto)
    }
}

extension Welcome {
    /// The Welcome in an encoded MLSMessage.
    fileprivate init(message: [UInt8]) throws(GroupError) {
        let decoded: MLSMessage
        do { decoded = try MLSMessage(decoding: message) } catch { throw .malformed(error) }
        guard case .welcome(let welcome) = decoded else { throw .refused(.wireFormat) }
        self = welcome
    }
}

extension GroupTree {
    /// Where this very leaf node stands.
    fileprivate func leaf(of leafNode: LeafNode) -> LeafIndex? {
        let encoded = leafNode.encoded
        // The newest member mostly is far to the right.
        return members.last { encodedLeafNode(at: $0) == encoded }
    }
}

extension TreeKEMPrivateKeys {
    /// "If the path_secret value is set in the GroupSecrets object: Identify the lowest common ancestor of the leaf node
    /// my_leaf and of the node of the member with leaf index GroupInfo.signer. Set the private key for this node to the
    /// private key derived from the path_secret. For each parent of the common ancestor, up to the root of the tree, derive
    /// a new path secret, and set the private key for the node to the private key derived from the path secret. The private
    /// key MUST be the private key that corresponds to the public key in the node." RFC 9420 section 12.4.3.1.
    fileprivate mutating func implant(
        _ pathSecret: borrowing SecretBytes?, signer: LeafIndex, _ tree: GroupTree, crypto: inout CipherSuiteContext
    ) throws(GroupError) {
        switch pathSecret {
        case .none: return
        case .some(let pathSecret):
            // The nodes of the signer's filtered direct path are those that its Commit gave keys: all others are blank.
            let path = tree.filteredDirectPath(of: signer)
            guard signer != leaf, let start = path.firstIndex(where: { NodeIndex(leaf).isInSubtree(of: $0.node) })
            else {
                throw .refused(.welcomePathSecret)
            }
            _ = try implant(
                PathSecret(pathSecret), along: path, from: start, publicKey: { tree.encryptionKey(at: path[$0].node) },
                mismatch: .welcomePathSecret, crypto: &crypto)
        }
    }
}
