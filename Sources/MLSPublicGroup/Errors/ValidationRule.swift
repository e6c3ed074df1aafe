/// A rule that something received may break. The raw value is its stable name, for logs and tests: the section of
/// RFC 9420 that has it, or "self_remove" for draft-ietf-mls-extensions, and a few words. In the RFC's order.
public enum ValidationRule: String, CaseIterable, Hashable, Sendable {
    // MARK: 5 Cryptographic objects

    /// "HPKE public keys are opaque values in a format defined by the underlying protocol": this is one of the suite's KEM.
    case encryptionKeyFormat = "5.1.1-encryption-key"
    /// "each entry in the certificates field represents a single DER-encoded X.509 certificate"; there is one at least.
    case x509Chain = "5.3-x509-chain"
    /// "The public key encoded in the subjectPublicKeyInfo of the end-entity certificate MUST be identical to the
    /// signature_key in the LeafNode containing this credential."
    case x509Key = "5.3-x509-key"
    /// "Whenever a new credential is introduced in the group, it MUST be validated with the AS."
    case credential = "5.3.1-credential"
    /// The same sentence: "When an external_senders extension is added to the group", "When an existing external_senders
    /// extension is updated".
    case externalSenderCredential = "5.3.1-external-sender"
    /// "the AS MUST also verify that the set of presented identifiers in the new credential is valid as a successor to
    /// the set of presented identifiers in the old credential"
    case successor = "5.3.1-successor"

    // MARK: 6 Message framing

    /// "The group_id field is constant" (section 8.1): a message says which group it is for, and it is this one.
    case groupID = "6-group-id"
    /// A message of the application is of an epoch whose keys are kept: "Applications SHOULD define a policy on how long
    /// to keep unused nonce and key pairs for a sender". (Section 15.3.)
    case applicationEpoch = "6-epoch"
    /// "Applications MUST use PrivateMessage to encrypt application messages."
    case applicationInPublic = "6-application-public"
    /// "Messages from senders that aren't in the group are sent as PublicMessage."
    case nonMemberInPrivate = "6-non-member-private"
    /// A framed message is a PublicMessage or a PrivateMessage; all else that an MLSMessage can be is not for a group.
    case wireFormat = "6-wire-format"
    /// `member`: "The signature key contained in the LeafNode at the index indicated by leaf_index in the ratchet
    /// tree": there is one.
    case memberSender = "6.1-member"
    /// `external`: "The signature key at the index indicated by sender_index in the external_senders group context
    /// extension": there is one.
    case externalSender = "6.1-external"
    /// `external`: "The content_type of the message MUST be proposal".
    case externalContent = "6.1-external-content"
    /// `new_member_commit`: "The content_type of the message MUST be commit."
    case newMemberCommitContent = "6.1-new-member-commit-content"
    /// `new_member_proposal`: "The content_type of the message MUST be proposal and the proposal_type of the Proposal
    /// MUST be add."
    case newMemberProposalContent = "6.1-new-member-proposal-content"
    /// "Recipients of an MLSMessage MUST verify the signature with the key depending on the sender_type of the sender".
    case contentSignature = "6.1-signature"
    /// "select (FramedContent.content_type)": `confirmation_tag` is there for a Commit, and only for one.
    case confirmationTagPresence = "6.1-confirmation-tag-presence"
    /// "the application MUST check membership_tag"
    case membershipTag = "6.2-membership-tag"
    /// "Content to be encrypted is encoded in a PrivateMessageContent structure": that of a PrivateMessage decrypts with
    /// the sender's key of its generation.
    case contentDecryption = "6.3.1-decryption"
    /// "The "sender data" used to look up the key for content encryption" decrypt with a key "derived from both the
    /// sender_data_secret and a sample of the encrypted content".
    case senderDataDecryption = "6.3.2-decryption"
    /// "the recipient MUST verify that the leaf index indicated in the leaf_index field identifies a non-blank node."
    case senderDataLeaf = "6.3.2-leaf-index"

    // MARK: 7 Ratchet tree operations

    /// "The entries in the unmerged_leaves vector MUST be sorted in increasing order."
    case unmergedLeavesSorted = "7.1-unmerged-leaves-sorted"
    /// "the credential type used in the LeafNode MUST be included in the credentials field of the capabilities field."
    case ownCredentialType = "7.2-credential-type"
    /// "reject any LeafNode where the total lifetime is longer than this duration."
    case totalLifetime = "7.2-total-lifetime"
    /// "Verify that the signature on the LeafNode is valid using signature_key."
    case leafSignature = "7.3-signature"
    /// "the required extensions, proposals, and credential types MUST be listed in the LeafNode's capabilities field."
    case requiredCapabilities = "7.3-required-capabilities"
    /// "Verify that the credential type is supported by all members of the group".
    case credentialTypeSupported = "7.3-credential-type-supported"
    /// "and that the capabilities field of this LeafNode indicates support for all the credential types currently in
    /// use by other members."
    case credentialTypesInUse = "7.3-credential-types-in-use"
    /// "it is RECOMMENDED that the client verifies that the current time is within the range of the lifetime field."
    case lifetime = "7.3-lifetime"
    /// "the ID for each extension in the extensions field is listed in the capabilities.extensions field of the
    /// LeafNode."
    case leafExtensions = "7.3-extensions"
    /// "If the LeafNode appears in a KeyPackage, verify that leaf_node_source is set to key_package."
    case keyPackageSource = "7.3-source-key-package"
    /// "If the LeafNode appears in an Update proposal, verify that leaf_node_source is set to update".
    case updateSource = "7.3-source-update"
    /// "and that encryption_key represents a different public key than the encryption_key in the leaf node being
    /// replaced by the Update proposal."
    case updateKey = "7.3-update-key"
    /// "If the LeafNode appears in the leaf_node value of the UpdatePath in a Commit, verify that leaf_node_source is
    /// set to commit."
    case commitSource = "7.3-source-commit"
    /// "Verify that the following fields are unique among the members of the group: signature_key".
    case uniqueSignatureKey = "7.3-unique-signature-key"
    /// "Verify that the following fields are unique among the members of the group: encryption_key".
    case uniqueEncryptionKey = "7.3-unique-encryption-key"
    /// "Verify that the derived public keys are the same as the corresponding public keys sent in the UpdatePath."
    case pathSecretKeys = "7.5-derived-keys"
    /// "Decrypt the path secret for the parent of the copath node using the private key from the resolution node."
    case pathSecretDecryption = "7.5-decryption"
    /// "The parent nodes are kept in the same order as the filtered direct path": the sender's, one for each of it.
    case pathNodeCount = "7.6-node-count"
    /// "The length of the encrypted_path_secret vector MUST be equal to the length of the resolution of the copath node
    /// (excluding new leaf nodes)".
    case pathCiphertextCount = "7.6-ciphertext-count"
    /// "the new member MUST authenticate that each non-blank parent node P is parent-hash valid."
    case parentHash = "7.9.2-parent-hash"
    /// "clients MUST recompute the expected value of parent_hash for the committer's new leaf and verify that it
    /// matches the parent_hash value in the supplied leaf_node."
    case pathParentHash = "7.9.2-path-parent-hash"

    // MARK: 8, 9 Key schedule, secret tree

    /// "The epoch field increments by one for each Commit message": there is a next number.
    case epochExhausted = "8.1-epoch"
    /// "Each key/nonce pair MUST NOT be used to encrypt more than one message": this one was seen, or given up.
    case generationUsed = "9.1-generation-used"
    /// "Messages received with a generation counter that is too much higher than the last message received would then
    /// be rejected." (Section 15.3.)
    case generationTooFar = "15.3-generation"

    // MARK: 10, 11 KeyPackages, group creation

    /// "The value for init_key MUST be a public key for the asymmetric encryption scheme defined by cipher_suite".
    case initKeyFormat = "10-init-key"
    /// "the leaf_node field MUST be valid for the cipher suite, including both the encryption_key and signature_key".
    case leafEncryptionKeyFormat = "10-encryption-key"
    /// "… and signature_key fields."
    case leafSignatureKeyFormat = "10-signature-key"
    /// "Verify that the cipher suite and protocol version of the KeyPackage match those in the GroupContext."
    case keyPackageSuite = "10.1-cipher-suite"
    /// The same sentence: "… and protocol version of the KeyPackage match those in the GroupContext."
    case keyPackageVersion = "10.1-version"
    /// "Verify that the signature on the KeyPackage is valid using the public key in leaf_node.credential."
    case keyPackageSignature = "10.1-signature"
    /// "Verify that the value of leaf_node.encryption_key is different from the value of the init_key field."
    case initKeyDiffers = "10.1-init-key"
    /// A group after a ReInit: its version, cipher_suite, group_id and extensions "MUST be the same as the corresponding
    /// fields in the ReInit proposal."
    case reInitParameters = "11.2-parameters"
    /// "Additionally, verify that all the members of the old group are also members of the new group".
    /// (Section 12.4.3.1.)
    case reInitMembers = "11.2-members"
    /// A branch: "The version and cipher_suite values in the Welcome message are the same as those used by the old
    /// group."
    case branchParameters = "11.3-parameters"
    /// "Each LeafNode in a new subgroup MUST match some LeafNode in the original group."
    case branchMembers = "11.3-members"

    // MARK: 12.1 Proposals

    /// "a client MUST verify … that the epoch field of the enclosing FramedContent is equal to the epoch field of the
    /// current GroupContext object."
    case proposalEpoch = "12.1-epoch"
    /// "On receiving a FramedContent containing a Proposal": what is cached as one does.
    case proposalContent = "12.1-content"
    /// "the Proposal should be cached": no more in an epoch than the policy allows.
    case pendingProposalCount = "12.1-count"
    /// An Update "replaces the sender's LeafNode in the tree": the sender has one.
    case updateSender = "12.1.2-sender"
    /// "A Remove proposal is invalid if the removed field does not identify a non-blank leaf node."
    case removedLeaf = "12.1.3-removed"
    /// "The PreSharedKey proposal is not being processed as part of a reinitialization of the group, and the
    /// PreSharedKeyID has psktype set to resumption and usage set to reinit."
    case pskReInitUsage = "12.1.4-reinit"
    /// "The PreSharedKey proposal is not being processed as part of a subgroup branching operation, and the
    /// PreSharedKeyID has psktype set to resumption and usage set to branch."
    case pskBranchUsage = "12.1.4-branch"
    /// "The psk_nonce is not of length KDF.Nh."
    case pskNonce = "12.1.4-nonce"
    /// "A ReInit proposal is invalid if the version field is less than the version for the current group."
    case reInitVersion = "12.1.5-version"
    /// "This proposal can only be used in that context": an ExternalInit in an external Commit.
    case externalInitContext = "12.1.6-context"
    /// "A GroupContextExtensions proposal is invalid if it includes a required_capabilities extension and some members
    /// of the group do not support some of the required capabilities".
    case groupRequiredCapabilities = "12.1.7-required-capabilities"
    /// "an extension in use by the group MUST be supported by all members of the group." (Section 13.4.)
    case groupExtensionsSupported = "12.1.7-extensions"
    /// "External proposals that are not authorized are considered invalid."
    case newMemberProposalAuthorized = "12.1.8-authorized"
    /// "Messages from external senders containing proposal types other than the above MUST be rejected as malformed."
    case externalProposalType = "12.1.8-type"

    // MARK: 12.2 Proposal lists

    /// "It contains an Update proposal generated by the committer."
    case committerUpdated = "12.2-committer-update"
    /// "It contains a Remove proposal that removes the committer."
    case committerRemoved = "12.2-committer-remove"
    /// "It contains multiple Update and/or Remove proposals that apply to the same leaf."
    case sameLeaf = "12.2-same-leaf"
    /// "It contains multiple Add proposals that contain KeyPackages that represent the same client".
    case sameClient = "12.2-same-client"
    /// "It contains an Add proposal with a KeyPackage that represents a client already in the group according to the
    /// application, unless there is a Remove proposal in the list removing the matching client from the group."
    case existingClient = "12.2-existing-client"
    /// "It contains multiple PreSharedKey proposals that reference the same PreSharedKeyID."
    case samePSK = "12.2-same-psk"
    /// "It contains multiple GroupContextExtensions proposals."
    case multipleGroupContextExtensions = "12.2-group-context-extensions"
    /// "It contains a ReInit proposal together with any other proposal."
    case reInitAlone = "12.2-reinit"
    /// "It contains an ExternalInit proposal."
    case externalInit = "12.2-external-init"
    /// "It contains a Proposal with a non-default proposal type that is not supported by some members of the group that
    /// will process the Commit".
    case proposalTypeSupported = "12.2-proposal-type"
    /// An external Commit: "Exactly one ExternalInit".
    case externalCommitExternalInit = "12.2-external-external-init"
    /// An external Commit: "At most one Remove proposal, with which the joiner removes an old version of themselves."
    case externalCommitRemove = "12.2-external-remove"
    /// "the credential in the LeafNode MUST present a set of identifiers that is acceptable to the application for the
    /// removed participant."
    case externalCommitIdentity = "12.2-external-identity"
    /// An external Commit: "No other proposals".
    case externalCommitType = "12.2-external-other"

    // MARK: 12.4 Commits

    /// "Proposals sent by reference are specified by including the hash of the AuthenticatedContent object in which the
    /// proposal was sent": one that was received in this epoch.
    case proposalReference = "12.4-reference"
    /// "By default, the path field of a Commit MUST be populated. The path field MAY be omitted if (a) it covers at
    /// least one proposal and (b) none of the proposals covered by the Commit are of "path required" types."
    case path = "12.4-path"
    /// "A member of the group applies a Commit message": what is applied as one is one.
    case commitContent = "12.4.2-content"
    /// "Verify that the epoch field of the enclosing FramedContent is equal to the epoch field of the current
    /// GroupContext object."
    case commitEpoch = "12.4.2-epoch"
    /// "Verify that all PreSharedKey proposals in the proposals vector are available."
    case pskAvailable = "12.4.2-psk"
    /// "Verify that the encryption_key value in the LeafNode is different from the committer's current leaf node."
    case pathLeafKey = "12.4.2-leaf-key"
    /// "Verify that none of the public keys in the UpdatePath appear in any node of the new ratchet tree."
    case pathKeys = "12.4.2-path-keys"
    /// "compute the confirmation tag for this message, as described below, and verify that it is the same as the
    /// confirmation_tag field in the FramedContentAuthData object."
    case confirmationTag = "12.4.2-confirmation-tag"
    /// "If the Commit included a ReInit proposal, the client MUST NOT use the group to send messages anymore."
    case reInitialized = "12.4.2-reinit"
    /// "the client cannot send any more messages in the group" that it was removed from.
    case removedFromGroup = "12.4.2-removed"

    // MARK: 12.4.3 Joining

    /// "New members MUST verify that group_id is unique among the groups they are currently participating in."
    case groupIDUnique = "12.4.3-group-id"
    /// "using the public key taken from the leaf node of the ratchet tree with leaf index signer": "If the node is blank
    /// …, return an error."
    case groupInfoSigner = "12.4.3-signer"
    /// "New members also MUST verify the signature".
    case groupInfoSignature = "12.4.3-signature"
    /// "Identify an entry in the secrets array where the new_member value corresponds to one of this client's
    /// KeyPackages".
    case welcomeEntry = "12.4.3.1-new-member"
    /// "or if the cipher suite indicated in the KeyPackage does not match the one in the Welcome message, return an
    /// error."
    case welcomeSuite = "12.4.3.1-cipher-suite"
    /// "Decrypt the encrypted_group_secrets value".
    case groupSecretsDecryption = "12.4.3.1-group-secrets"
    /// "If a PreSharedKeyID is part of the GroupSecrets and the client is not in possession of the corresponding PSK,
    /// return an error."
    case welcomePSK = "12.4.3.1-psk"
    /// "if a PreSharedKeyID has type resumption with usage reinit or branch, verify that it is the only such PSK."
    case welcomeOnlyPSK = "12.4.3.1-only-psk"
    /// "Use the key and nonce to decrypt the encrypted_group_info field."
    case groupInfoDecryption = "12.4.3.1-group-info"
    /// "Verify that the cipher_suite in the GroupInfo matches the cipher_suite in the KeyPackage."
    case groupInfoSuite = "12.4.3.1-group-info-suite"
    /// "Verify that the tree hash of the ratchet tree matches the tree_hash field in GroupInfo."
    case treeHash = "12.4.3.1-tree-hash"
    /// "Verify that the entry represents a non-blank leaf node that is a descendant of the parent node", and "that every
    /// non-blank intermediate node between the leaf node and the parent node also has an entry for the leaf node".
    case unmergedLeaves = "12.4.3.1-unmerged-leaves"
    /// "Verify that the encryption key in the parent node does not appear in any other node of the tree."
    case uniqueParentKey = "12.4.3.1-parent-key"
    /// "Identify a leaf whose LeafNode is identical to the one in the KeyPackage. If no such field exists, return an
    /// error."
    case ownLeaf = "12.4.3.1-own-leaf"
    /// "The private key MUST be the private key that corresponds to the public key in the node."
    case welcomePathSecret = "12.4.3.1-path-secret"
    /// "Verify the confirmation tag in the GroupInfo using the derived confirmation key".
    case groupInfoConfirmationTag = "12.4.3.1-confirmation-tag"
    /// "If a PreSharedKeyID was used that has type resumption with usage reinit or branch, verify that the epoch field
    /// in the GroupInfo is equal to 1."
    case welcomeEpoch = "12.4.3.1-epoch"
    /// "a new member needs a GroupInfo with an external_pub extension present in its extensions field."
    case externalPub = "12.4.3.2-external-pub"
    /// "External Commits MUST contain a path field".
    case externalCommitPath = "12.4.3.2-path"
    /// "The Commit MUST NOT include any proposals by reference" but SelfRemove.
    case externalCommitReference = "12.4.3.2-reference"
    /// "Applications for whom this distinction is salient can choose to disallow external commits that contain a
    /// Remove".
    case externalCommitResync = "12.4.3.2-resync"
    /// "If this extension is not provided in a Welcome message, then the client will need to fetch the ratchet tree over
    /// some other channel": it was not.
    case ratchetTreeMissing = "12.4.3.3-missing"
    /// "The receiver MUST check that the last node in ratchet_tree is non-blank".
    case ratchetTreeLastNode = "12.4.3.3-last-node"
    /// "The leaves of the tree are stored in even-numbered entries in the array", and parents in odd ones.
    case ratchetTreeNodeKind = "12.4.3.3-node-kind"
    /// A tree has one leaf at least, and no more nodes than a `uint32` counts: section 12.4.3.3 gives their number.
    case ratchetTreeSize = "12.4.3.3-size"

    // MARK: 13 Extensibility

    /// "Any field containing a list of extensions MUST NOT have more than one extension of any given type."
    case duplicateExtension = "13.4-duplicate"
    /// "The capabilities field MUST indicate support for each extension in the GroupContext."
    case memberSupportsExtensions = "13.4-member"
    /// "A client joining a group MUST verify that it supports every extension in the GroupContext for the group."
    case joinerSupportsExtensions = "13.4-joiner"

    // MARK: draft-ietf-mls-extensions, SelfRemove

    /// "these proposals MUST be sent in an MLS PublicMessage."
    case selfRemovePublic = "self_remove-public"
    /// "SelfRemove proposals are only allowed in a Commit by reference."
    case selfRemoveReference = "self_remove-reference"
    /// Whoever takes itself out of the group does not commit that: nobody would know the secrets of the next epoch.
    case selfRemoveCommitter = "self_remove-committer"
}
