import MLSCodec

/// Messages of every form that RFC 9420 has, small enough that each of their bytes can be changed in every way.
enum Samples {
    static let capabilities = Capabilities(
        versions: [.mls10, ProtocolVersion(rawValue: 0x0a0a)], cipherSuites: [CipherSuite(rawValue: 1)],
        extensions: [.lastResort], proposals: [.selfRemove], credentials: [.basic, .x509])

    static func leafNode(_ source: LeafNode.Source, _ credential: Credential) -> LeafNode {
        LeafNode(
            encryptionKey: [1], signatureKey: [2, 3], credential: credential, capabilities: capabilities,
            source: source, extensions: [Extension(ApplicationID([4]))], signature: [5])
    }

    static func keyPackage(_ credential: Credential) -> KeyPackage {
        KeyPackage(
            cipherSuite: CipherSuite(rawValue: 1), initKey: [6],
            leafNode: leafNode(.keyPackage(Lifetime(notBefore: 7, notAfter: 8)), credential),
            extensions: [Extension(LastResort())], signature: [9])
    }

    static let basic = Credential.basic(identity: [0x61])
    static let x509 = Credential.x509(certificates: [Certificate(certData: [1]), Certificate(certData: [])])
    static let unknown = Credential.other(CredentialType(rawValue: 0xf000), content: [1, 2])

    static let proposals: [Proposal] = [
        .add(Add(keyPackage: keyPackage(x509))),
        .update(Update(leafNode: leafNode(.update, basic))),
        .remove(Remove(removed: LeafIndex(3))),
        .psk(PreSharedKey(psk: PreSharedKeyID(.external(pskID: [1]), pskNonce: [2]))),
        .psk(
            PreSharedKey(
                psk: PreSharedKeyID(
                    .resumption(usage: .branch, pskGroupID: [1], pskEpoch: 2), pskNonce: [3]))),
        .reInit(
            ReInit(
                groupID: [1], version: .mls10, cipherSuite: CipherSuite(rawValue: 2),
                extensions: [Extension(RequiredCapabilities(extensionTypes: [.lastResort], credentialTypes: [.x509]))])),
        .externalInit(ExternalInit(kemOutput: [1, 2])),
        .groupContextExtensions(
            GroupContextExtensions(
                extensions: [Extension(ExternalSenders([ExternalSender(signatureKey: [1], credential: unknown)]))])),
        .selfRemove,
    ]

    static let commit = Commit(
        proposals: [.reference([1, 2]), .proposal(.remove(Remove(removed: LeafIndex(1))))],
        path: UpdatePath(
            leafNode: leafNode(.commit(parentHash: [1]), basic),
            nodes: [
                UpdatePathNode(
                    encryptionKey: [1], encryptedPathSecret: [HPKECiphertext(kemOutput: [2], ciphertext: [3])]),
                UpdatePathNode(encryptionKey: [4], encryptedPathSecret: []),
            ]))

    static let groupContext = GroupContext(
        cipherSuite: CipherSuite(rawValue: 1), groupID: [1, 2], epoch: 3, treeHash: [4], confirmedTranscriptHash: [5],
        extensions: [Extension(RequiredCapabilities(proposalTypes: [.selfRemove]))])

    static let tree = RatchetTree(nodes: [
        .leaf(leafNode(.update, basic)), .parent(ParentNode(encryptionKey: [1], unmergedLeaves: [LeafIndex(1)])), nil,
    ])

    static func publicMessage(_ sender: Sender, _ content: FramedContent.Content) -> MLSMessage {
        var isMember = false
        if case .member = sender { isMember = true }
        return .publicMessage(
            PublicMessage(
                content: FramedContent(
                    groupID: [1], epoch: 2, sender: sender, authenticatedData: [3], content: content),
                auth: FramedContentAuthData(
                    signature: [4], confirmationTag: content.contentType == .commit ? [5] : nil),
                membershipTag: isMember ? [6] : nil))
    }

    static let senders: [Sender] = [
        .member(LeafIndex(1)), .external(senderIndex: 2), .newMemberProposal, .newMemberCommit,
    ]

    static let messages: [MLSMessage] =
        proposals.map { publicMessage(.member(LeafIndex(1)), .proposal($0)) }
        + senders.map { publicMessage($0, .proposal(.selfRemove)) }
        + senders.map { publicMessage($0, .commit(Commit(proposals: []))) }
        + [publicMessage(.member(LeafIndex(1)), .commit(commit))]
        + [.application, .proposal, .commit].map { contentType in
            .privateMessage(
                PrivateMessage(
                    groupID: [1], epoch: 2, contentType: contentType, authenticatedData: [3], encryptedSenderData: [4],
                    ciphertext: [5]))
        }
        + [
            .welcome(
                Welcome(
                    cipherSuite: CipherSuite(rawValue: 1),
                    secrets: [
                        EncryptedGroupSecrets(
                            newMember: [1, 2], encryptedGroupSecrets: HPKECiphertext(kemOutput: [3], ciphertext: [4])),
                        EncryptedGroupSecrets(
                            newMember: [], encryptedGroupSecrets: HPKECiphertext(kemOutput: [], ciphertext: [])),
                    ], encryptedGroupInfo: [5])),
            .groupInfo(
                GroupInfo(
                    groupContext: groupContext,
                    extensions: [Extension(tree), Extension(ExternalPub(externalPub: [1]))],
                    confirmationTag: [2], signer: LeafIndex(3), signature: [4])),
            .keyPackage(keyPackage(basic)), .keyPackage(keyPackage(x509)), .keyPackage(keyPackage(unknown)),
        ]
}
