import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation
import Testing

@Suite("Private messages (RFC 9420 section 6.3)")
struct PrivateMessageTests {
    @Test("what one member protects the other opens, once", arguments: allSuites)
    func roundTrip(suite: CipherSuite) throws {
        var pair = try FramingMember.pair(suite)
        let contents: [FramedContent.Content] = [
            .application([1, 2, 3]), .proposal(sampleProposal), .commit(Commit(proposals: [], path: nil)),
            .application([]), .application([UInt8](repeating: 7, count: 20_000)), .proposal(sampleProposal),
        ]
        for content in contents {
            let signed = try pair.first.sign(
                pair.first.content(content, authenticatedData: [8, 9]), as: .mlsPrivateMessage)
            let message = try privateMessage(try pair.first.protect(signed))
            #expect(message.contentType == content.contentType && message.authenticatedData == [8, 9])
            let opened = try pair.second.open(message)
            #expect(opened == signed)
            let again = pair.second.refusal(of: message)
            #expect(again == .noKey(.generationConsumed))
        }
    }

    @Test("application data in one go is the same message", arguments: allSuites)
    func application(suite: CipherSuite) throws {
        var pair = try FramingMember.pair(suite)
        for (generation, byteCount) in [0, 1, 63, 64, 100, 16_383, 16_384, 100_000].enumerated() {
            let data = randomBytes(byteCount)
            let bytes = try pair.first.protect(data, authenticatedData: [5], padding: .byteCount(generation))
            let message = try privateMessage(bytes)
            #expect(message.encryptedSenderData.count == 28)
            let opened = try pair.second.look(at: message)
            let (sender, number, padding) = (opened.sender, opened.generation, opened.paddingByteCount)
            #expect(sender == LeafIndex(0) && number == generation && padding == generation)
            let content = opened.accept(in: &pair.second.tree)
            #expect(content.content == pair.first.content(.application(data), authenticatedData: [5]))
        }
    }

    @Test("messages in another order open too, and each burns its own key only", arguments: allSuites)
    func order(suite: CipherSuite) throws {
        var pair = try FramingMember.pair(suite)
        let messages = try (0..<8).map { number in
            try privateMessage(try pair.first.protect([UInt8(number)]))
        }
        for number in [3, 0, 7, 1, 2, 6, 5, 4] {
            let opened = try pair.second.open(messages[number])
            #expect(opened.content.content == .application([UInt8(number)]))
        }
    }

    @Test("a changed field is refused and burns no key", arguments: allSuites)
    func changed(suite: CipherSuite) throws {
        var pair = try FramingMember.pair(suite)
        let message = try privateMessage(try pair.first.protect([1, 2, 3], authenticatedData: [4, 5]))
        func changed(_ change: (inout PrivateMessage) -> Void) -> PrivateMessage {
            var copy = message
            change(&copy)
            return copy
        }
        let wrong: [(FramingError, PrivateMessage)] = [
            (.wrongGroup, changed { $0.groupID[0] ^= 1 }),
            (.wrongEpoch, changed { $0.epoch += 1 }),
            (.senderDataDecryptionFailed, changed { $0.contentType = .proposal }),
            (.decryptionFailed, changed { $0.authenticatedData[0] ^= 1 }),
            (.decryptionFailed, changed { $0.authenticatedData = [] }),
            (.senderDataDecryptionFailed, changed { $0.encryptedSenderData[3] ^= 1 }),
            (.senderDataDecryptionFailed, changed { $0.encryptedSenderData = [] }),
            (.senderDataDecryptionFailed, changed { $0.ciphertext[0] ^= 1 }),
            (.decryptionFailed, changed { $0.ciphertext[$0.ciphertext.count - 1] ^= 1 }),
            (.senderDataDecryptionFailed, changed { $0.ciphertext = [] }),
        ]
        for (error, wrong) in wrong {
            let refusal = pair.second.refusal(of: wrong)
            #expect(refusal == error)
        }
        let hasRoot = pair.second.tree.hasSecret(pair.second.tree.leafCount.root)
        #expect(hasRoot)
        _ = try pair.second.open(message)
    }

    @Test("a signature of another key, group context or epoch is refused and burns no key", arguments: allSuites)
    func wrongSignature(suite: CipherSuite) throws {
        var pair = try FramingMember.pair(suite)
        let leaf = pair.first.leaf
        let other = try SigningKey.generate(suite.signatureScheme)
        var signed = try pair.first.sign(pair.first.content(.application([1])), as: .mlsPrivateMessage)
        signed.auth.signature[5] ^= 1
        let broken = try privateMessage(try pair.first.protect(signed))
        let refusal = pair.second.refusal(of: broken)
        #expect(refusal == .invalidSignature)
        let context = FramingContext(
            groupID: pair.first.context.groupID, epoch: pair.first.context.epoch, groupContext: [1])
        let foreign = try AuthenticatedContent(
            signing: pair.first.content(.application([1])), wireFormat: .mlsPrivateMessage, context: context,
            key: pair.first.signingKey)
        let elsewhere = try privateMessage(try pair.first.protect(foreign))
        let elsewhereRefusal = pair.second.refusal(of: elsewhere)
        #expect(elsewhereRefusal == .invalidSignature)
        let message = try privateMessage(try pair.first.protect([2]))
        let key = try #require(pair.second.signatureKeys[leaf])
        pair.second.signatureKeys[leaf] = other.publicKey
        let wrongKey = pair.second.refusal(of: message)
        #expect(wrongKey == .invalidSignature)
        pair.second.signatureKeys[leaf] = nil
        let blank = pair.second.refusal(of: message)
        #expect(blank == .unknownSender)
        pair.second.signatureKeys[leaf] = key
        let opened = try pair.second.open(message)
        #expect(opened.content.content == .application([2]))
    }

    @Test("one's own message is recognised (RFC 9420 section 6.3.2)", arguments: allSuites)
    func ownMessage(suite: CipherSuite) throws {
        var pair = try FramingMember.pair(suite)
        _ = try pair.first.protect([1])
        let message = try privateMessage(try pair.first.protect([2]))
        let refusal = pair.first.refusal(of: message)
        #expect(refusal == .ownMessage(generation: 1))
    }

    @Test("a leaf outside of the tree and a generation far ahead are refused")
    func sender() throws {
        var pair = try FramingMember.pair(allSuites[0], leafCount: 4)
        let message = try privateMessage(try pair.first.protect([1]))
        for (data, error) in [
            (SenderData(leafIndex: LeafIndex(3), generation: 0, reuseGuard: 0), FramingError.unknownSender),
            (SenderData(leafIndex: LeafIndex(9), generation: 0, reuseGuard: 0), .noKey(.noSuchLeaf)),
            (SenderData(leafIndex: LeafIndex(0), generation: 1025, reuseGuard: 0), .noKey(.tooFarAhead)),
            (SenderData(leafIndex: LeafIndex(0), generation: .max, reuseGuard: 0), .noKey(.exhausted)),
            (SenderData(leafIndex: LeafIndex(0), generation: 1, reuseGuard: 0), .decryptionFailed),
            (SenderData(leafIndex: LeafIndex(0), generation: 0, reuseGuard: 0), .decryptionFailed),
        ] {
            // The tree says no also where whoever gives the keys does not.
            pair.second.signatureKeys[LeafIndex(9)] = pair.second.signingKey.publicKey
            let forged = try pair.second.with(data.encoded, in: message)
            let refusal = pair.second.refusal(of: forged)
            #expect(refusal == error)
        }
        let longer = SenderData(leafIndex: LeafIndex(0), generation: 0, reuseGuard: 0).encoded + [0]
        let malformed = pair.second.refusal(of: try pair.second.with(longer, in: message))
        #expect(malformed == .malformed(DecodingError(.trailingBytes, at: 12)))
        _ = try pair.second.open(message)
    }

    @Test("padding that is not zero is refused, so is content cut short (RFC 9420 section 6.3.1)", arguments: allSuites)
    func padding(suite: CipherSuite) throws {
        var pair = try FramingMember.pair(suite)
        let signed = try pair.first.sign(pair.first.content(.application([1, 2])), as: .mlsPrivateMessage)
        let content = PrivateMessageContent(content: signed.content.content, auth: signed.auth)
        let plain = content.encoded
        for (plaintext, isValid) in [
            (plain + [0, 0, 0], true), (plain + [0, 1, 0], false), (plain + [0, 0, 0x80], false),
            (Array(plain.dropLast()), false), ([], false),
        ] {
            let message = try pair.first.encrypt(plaintext, .application)
            let refusal = pair.second.refusal(of: message)
            if case .malformed = refusal { #expect(!isValid) } else { #expect(refusal == nil && isValid) }
        }
        let first = try pair.first.encrypt(plain + [0, 7], .application)
        let refusal = pair.second.refusal(of: first)
        #expect(refusal == .malformed(DecodingError(.invalidField("padding"), at: plain.count + 1)))
    }

    @Test("padding makes the ciphertext as long as was asked for (RFC 9420 section 15.1)", arguments: allSuites)
    func paddingLength(suite: CipherSuite) throws {
        var pair = try FramingMember.pair(suite)
        let signature = { (message: PrivateMessage) in message.ciphertext.count - 16 }
        for (padding, expected) in [
            (Padding.upTo(plaintextByteCount: 512), 512), (.upTo(plaintextByteCount: 10), nil as Int?),
            (.toMultiple(of: 256), 256), (.toMultiple(of: 0), nil), (.byteCount(-3), nil), (.none, nil),
        ] {
            let message = try privateMessage(try pair.first.protect([1, 2, 3], padding: padding))
            let byteCount = signature(message)
            if let expected {
                #expect(byteCount == expected)
            } else {
                // Ed25519's signature has 64 bytes, the longest DER of P-521 139.
                #expect(byteCount >= 4 + 64 && byteCount <= 4 + 2 + 139)
            }
            let opened = try pair.second.open(message)
            #expect(opened.content.content == .application([1, 2, 3]))
        }
        let before = pair.first.tree.nextGeneration(pair.first.leaf, .application)
        #expect(throws: FramingError.tooLong) { try pair.first.protect([1], padding: .byteCount(1 << 30)) }
        #expect(throws: FramingError.tooLong) { try pair.first.protect([1], padding: .toMultiple(of: .max)) }
        let after = pair.first.tree.nextGeneration(pair.first.leaf, .application)
        #expect(before == after)
    }

    @Test("each message has a reuse guard of its own (RFC 9420 section 6.3.1)")
    func reuseGuard() throws {
        var pair = try FramingMember.pair(allSuites[0])
        var guards: Set<UInt32> = []
        for _ in 0..<8 {
            let message = try privateMessage(try pair.first.protect([1]))
            guards.insert(try pair.second.senderData(of: message).reuseGuard)
        }
        #expect(guards.count > 6)
    }

    @Test("only members send private messages, and only a Commit has a confirmation tag")
    func wrongContent() throws {
        var pair = try FramingMember.pair(allSuites[0])
        var content = pair.first.content(.proposal(sampleProposal))
        for sender in [Sender.external(senderIndex: 0), .newMemberCommit, .newMemberProposal] {
            content.sender = sender
            #expect(throws: FramingError.contentNotAllowed) {
                try pair.first.sign(content, as: .mlsPrivateMessage)
            }
            let unsigned = AuthenticatedContent(
                wireFormat: .mlsPrivateMessage, content: content, auth: FramedContentAuthData(signature: []))
            #expect(throws: FramingError.contentNotAllowed) { try pair.first.protect(unsigned) }
        }
        content.sender = .member(LeafIndex(0))
        #expect(throws: FramingError.contentNotAllowed) { try pair.first.sign(content, as: .mlsWelcome) }
        var tagged = try pair.first.sign(content, as: .mlsPrivateMessage)
        tagged.auth.confirmationTag = [1]
        #expect(throws: FramingError.tagMissingOrUnexpected) { try pair.first.protect(tagged) }
        var commit = try pair.first.sign(
            pair.first.content(.commit(Commit(proposals: [], path: nil))), as: .mlsPrivateMessage)
        commit.auth.confirmationTag = nil
        #expect(throws: FramingError.tagMissingOrUnexpected) { try pair.first.protect(commit) }
        content.epoch += 1
        #expect(throws: FramingError.wrongEpoch) { try pair.first.sign(content, as: .mlsPrivateMessage) }
        content.groupID = []
        #expect(throws: FramingError.wrongGroup) { try pair.first.sign(content, as: .mlsPrivateMessage) }
    }
}

extension FramingMember {
    /// The sender data of a message of this epoch.
    fileprivate mutating func senderData(of message: PrivateMessage) throws -> SenderData {
        let (ciphertext, encrypted) = (message.ciphertext, message.encryptedSenderData)
        let secret = senderDataSecret.copy
        let key = crypto.senderDataKey(secret.rawSpan, ciphertext: ciphertext.rawSpan)
        let aad = SenderDataAAD(groupID: message.groupID, epoch: message.epoch, contentType: message.contentType)
            .encoded
        let opened = try crypto.open(
            encrypted.rawSpan, key: key.key, nonce: key.nonce, authenticating: aad.rawSpan)
        return try SenderData(decoding: opened)
    }

    /// The message with other sender data, as only somebody in the epoch can make it.
    fileprivate mutating func with(_ senderData: [UInt8], in message: PrivateMessage) throws -> PrivateMessage {
        let ciphertext = message.ciphertext
        let secret = senderDataSecret.copy
        let key = crypto.senderDataKey(secret.rawSpan, ciphertext: ciphertext.rawSpan)
        let aad = SenderDataAAD(groupID: message.groupID, epoch: message.epoch, contentType: message.contentType)
            .encoded
        var forged = message
        forged.encryptedSenderData = crypto.seal(
            senderData.rawSpan, key: key.key, nonce: key.nonce, authenticating: aad.rawSpan)
        return forged
    }

    /// A message with any plaintext, without a library that would refuse to make it: RFC 9420 section 6.3 by hand.
    fileprivate mutating func encrypt(_ plaintext: [UInt8], _ contentType: ContentType) throws -> PrivateMessage {
        let key = try tree.next(leaf, contentType, crypto: &crypto)
        let aad = PrivateContentAAD(
            groupID: context.groupID, epoch: context.epoch, contentType: contentType, authenticatedData: []
        ).encoded
        // The reuse guard over the first four bytes of the nonce.
        var nonce = copy(key.nonce)
        for (index, byte) in ([0xde, 0xad, 0xbe, 0xef] as [UInt8]).enumerated() { nonce[index] ^= byte }
        let ciphertext = crypto.seal(
            plaintext.rawSpan, key: key.key, nonce: nonce.rawSpan, authenticating: aad.rawSpan)
        let data = SenderData(leafIndex: leaf, generation: key.generation, reuseGuard: 0xdead_beef)
        let message = PrivateMessage(
            groupID: context.groupID, epoch: context.epoch, contentType: contentType, encryptedSenderData: [],
            ciphertext: ciphertext)
        return try with(data.encoded, in: message)
    }
}
