import MLSCodec
import TLSPresentation
import Testing

@Suite("Structures that the official vectors do not have")
struct StructureTests {
    @Test("every form of a message comes back as it was")
    func messages() throws {
        for message in Samples.messages {
            let decoded = try MLSMessage(decoding: message.encoded)
            #expect(decoded == message)
        }
        #expect(try RatchetTree(decoding: Samples.tree.encoded) == Samples.tree)
    }

    @Test(
        "a proposal of an unknown type is refused by its number",
        arguments: [0, 8, 9, 11, 0x0a0a, 0xefff] as [UInt16])
    func unknownProposal(type: UInt16) {
        #expect(throws: DecodingError(.unknownValue(type: "ProposalType", value: UInt64(type)), at: 0)) {
            try Proposal(decoding: type.encoded + [0, 0, 0])
        }
    }

    @Test("a proposal of a type for private use is one vector", arguments: [0xf000, 0xf003, 0xffff] as [UInt16])
    func customProposal(type: UInt16) throws {
        let proposalType = ProposalType(rawValue: type)
        let proposal = try #require(CustomProposal(proposalType: proposalType, content: [1, 2, 3]))
        #expect(Proposal.custom(proposal).encoded == type.encoded + [3, 1, 2, 3])
        #expect(try Proposal(decoding: type.encoded + [3, 1, 2, 3]) == .custom(proposal))
        #expect(throws: DecodingError(.truncated, at: 3)) { try Proposal(decoding: type.encoded + [3, 1, 2]) }
        #expect(CustomProposal(proposalType: .add, content: []) == nil)
    }

    @Test("a SelfRemove is its type and nothing else")
    func selfRemove() throws {
        #expect(Proposal.selfRemove.encoded == [0x00, 0x0a])
        #expect(throws: DecodingError(.trailingBytes, at: 2)) { try Proposal(decoding: [0x00, 0x0a, 0x00]) }
    }

    @Test("a closed list refuses what it does not name, the reserved 0 too", arguments: [0, 5, 255] as [UInt8])
    func closedLists(value: UInt8) {
        #expect(throws: DecodingError.self) { try ContentType(decoding: [value]) }
        #expect(throws: DecodingError.self) { try SenderType(decoding: [value]) }
        #expect(throws: DecodingError.self) { try LeafNodeSource(decoding: [value]) }
        #expect(throws: DecodingError.self) { try NodeType(decoding: [value]) }
        #expect(throws: DecodingError.self) { try PSKType(decoding: [value]) }
        #expect(throws: DecodingError.self) { try ResumptionPSKUsage(decoding: [value]) }
        #expect(throws: DecodingError.self) { try ProposalOrRefType(decoding: [value]) }
    }

    @Test("an open registry keeps unknown and GREASE values, and says which are which")
    func openRegistries() throws {
        #expect(try CipherSuite(decoding: [0x1a, 0x1a]).encoded == [0x1a, 0x1a])
        #expect("\(CipherSuite(rawValue: 0x1a1a))" == "0x1a1a (GREASE)")
        #expect("\(ExtensionType(rawValue: 0x0f00))" == "0x0f00" && "\(ProposalType.psk)" == "psk")
        let all = (UInt16.min...UInt16.max).filter(isGREASE)
        #expect(all.count == 15 && all.first == 0x0a0a && all.last == 0xeaea)
    }

    @Test("a PrivateMessage's content comes back with its padding, which is zero (RFC 9420 section 6.3.1)")
    func padding() throws {
        let commit = PrivateMessageContent(
            content: .commit(Samples.commit), auth: FramedContentAuthData(signature: [1], confirmationTag: [2]),
            paddingByteCount: 3)
        let text = PrivateMessageContent(
            content: .application([1, 2]), auth: FramedContentAuthData(signature: [1]), paddingByteCount: 0)
        for (content, contentType) in [(commit, .commit), (text, .application)] as [(_, ContentType)] {
            let decoded = try PrivateMessageContent(decoding: content.encoded.rawSpan, contentType: contentType)
            #expect(decoded == content)
        }
        var wrong = commit.encoded
        wrong[wrong.count - 2] = 1
        #expect(throws: DecodingError(.invalidField("padding"), at: wrong.count - 2)) {
            try PrivateMessageContent(decoding: wrong.rawSpan, contentType: .commit)
        }
    }

    @Test("a presence octet is 0 or 1 (RFC 9420 section 2.1.1)", arguments: [2, 255] as [UInt8])
    func presence(octet: UInt8) {
        #expect(throws: DecodingError(.invalidPresence, at: 1)) { try Commit(decoding: [0, octet]) }
    }

    @Test("structures of another version than mls10 do not decode")
    func versions() {
        for bytes in [Samples.groupContext.encoded, Samples.keyPackage(Samples.basic).encoded] {
            var wrong = bytes
            wrong[1] = 2
            #expect(throws: DecodingError(.unknownValue(type: "ProtocolVersion", value: 2), at: 0)) {
                try GroupContext(decoding: wrong)
            }
            #expect(throws: DecodingError(.unknownValue(type: "ProtocolVersion", value: 2), at: 0)) {
                try KeyPackage(decoding: wrong)
            }
        }
    }

    @Test("what is signed is the structure without its signature, and where it stands (RFC 9420 sections 7.2, 6.1)")
    func toBeSigned() {
        let ofKeyPackage = Samples.leafNode(.keyPackage(Lifetime(notBefore: 1, notAfter: 2)), Samples.basic)
        let ofUpdate = Samples.leafNode(.update, Samples.basic)
        // The samples' signatures are one byte long: with its length, two.
        #expect(
            LeafNodeTBS(ofKeyPackage, groupID: [9], leafIndex: LeafIndex(1)).encoded
                == ofKeyPackage.encoded.dropLast(2))
        #expect(
            LeafNodeTBS(ofUpdate, groupID: [9], leafIndex: LeafIndex(1)).encoded
                == ofUpdate.encoded.dropLast(2) + [1, 9, 0, 0, 0, 1])
        let keyPackage = Samples.keyPackage(Samples.basic)
        #expect(KeyPackageTBS(keyPackage).encoded == keyPackage.encoded.dropLast(2))

        for sender in Samples.senders {
            let content = FramedContent(groupID: [1], epoch: 2, sender: sender, content: .proposal(.selfRemove))
            let toBeSigned = FramedContentTBS(wireFormat: .mlsPublicMessage, content: content, context: [7, 7])
            let knowsContext: Bool
            switch sender {
            case .member, .newMemberCommit: knowsContext = true
            case .external, .newMemberProposal: knowsContext = false
            }
            #expect(toBeSigned.encoded == [0, 1, 0, 1] + content.encoded + (knowsContext ? [7, 7] : []))
            let auth = FramedContentAuthData(signature: [4])
            #expect(AuthenticatedContentTBM(contentTBS: toBeSigned, auth: auth).encoded == toBeSigned.encoded + [1, 4])
        }
    }

    @Test("extension bodies of another type are not taken for one's own, and broken ones throw")
    func extensionBodies() throws {
        let extensions = [Extension(ApplicationID([1])), Extension(LastResort())]
        #expect(try extensions.first(ApplicationID.self)?.applicationID == [1])
        #expect(try extensions.first(ExternalPub.self) == nil)
        #expect(throws: DecodingError(.trailingBytes, at: 0)) {
            try Extension(extensionType: .lastResort, extensionData: [0]).body(LastResort.self)
        }
        let senders = ExternalSenders([ExternalSender(signatureKey: [1], credential: Samples.x509)])
        #expect(try Extension(senders).body() == senders)
        #expect(try Extension(Samples.tree).body() == Samples.tree)
    }

    @Test("sender data and what is authenticated along come back as they were")
    func senderData() throws {
        let data = SenderData(leafIndex: LeafIndex(1), generation: 2, reuseGuard: 0x0304_0506)
        #expect(data.encoded == [0, 0, 0, 1, 0, 0, 0, 2, 3, 4, 5, 6])
        #expect(try SenderData(decoding: data.encoded) == data)
        let aad = PrivateContentAAD(groupID: [1], epoch: 2, contentType: .commit, authenticatedData: [3])
        #expect(try PrivateContentAAD(decoding: aad.encoded) == aad)
        let senderDataAAD = SenderDataAAD(groupID: [1], epoch: 2, contentType: .commit)
        #expect(try SenderDataAAD(decoding: senderDataAAD.encoded) == senderDataAAD)
        #expect(aad.encoded == senderDataAAD.encoded + [1, 3])
    }

    @Test("group secrets do not describe themselves")
    func redacted() {
        #expect("\(GroupSecrets(joinerSecret: [0x5e]))" == "<redacted>")
    }
}
