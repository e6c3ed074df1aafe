import MLS
import MLSCodec
import MLSCrypto
import TLSPresentation
import TestSupport
import Testing

@Suite("A Welcome's secrets (RFC 9420 section 12.4.3.1)")
struct WelcomeTests {
    struct Case: Decodable {
        let cipher_suite: UInt16
        let init_priv: Hex
        let signer_pub: Hex
        let key_package: Hex
        let welcome: Hex
    }

    @Test("official vectors: welcome.json")
    func vectors() throws {
        let cases = try Vectors.load("welcome.json", of: Case.self)
        #expect(Set(cases.map(\.cipher_suite)) == Set(1...7))
        for vector in cases {
            var crypto = try CipherSuiteContext(CipherSuite(rawValue: vector.cipher_suite))
            guard case .keyPackage(let keyPackage) = try MLSMessage(decoding: vector.key_package.bytes),
                case .welcome(let welcome) = try MLSMessage(decoding: vector.welcome.bytes)
            else {
                Issue.record("a KeyPackage and a Welcome")
                return
            }
            let encoded = keyPackage.encoded
            let ref = try keyPackageRef(of: encoded.rawSpan, suite: crypto.suite)
            let entry = try #require(welcome.secrets.first { $0.newMember == ref })
            let initPriv = vector.init_priv.bytes
            let initKey = try HPKEPrivateKey(privateKey: initPriv.rawSpan, kem: crypto.kem)
            let encrypted = welcome.encryptedGroupInfo
            let secrets = try JoinerSecrets(
                opening: entry.encryptedGroupSecrets, initKey: initKey, encryptedGroupInfo: encrypted.rawSpan,
                crypto: &crypto)
            let psk = try PSKSecret(count: 0, crypto: crypto).finish()
            let welcomeSecret = secrets.joinerSecret.welcomeSecret(psk: psk.bytes, crypto: &crypto)
            let info = try welcomeSecret.open(encryptedGroupInfo: encrypted.rawSpan, crypto: &crypto)
            let signerPub = vector.signer_pub.bytes
            let signer = try SignaturePublicKey(signerPub.rawSpan, scheme: crypto.suite.signatureScheme)
            let (tbs, signature) = (GroupInfoTBS(info).encoded, info.signature)
            let isSigned = signer.verifyWithLabel(
                GroupInfoTBS.label, content: tbs.rawSpan, signature: signature.rawSpan)
            #expect(isSigned)
            let context = info.groupContext.encoded
            let epoch = secrets.joinerSecret.epochSecrets(
                psk: psk.bytes, groupContext: context.rawSpan, crypto: &crypto)
            let (tag, transcript) = (info.confirmationTag, info.groupContext.confirmedTranscriptHash)
            let isConfirmed = epoch.isConfirmed(
                by: tag.rawSpan, confirmedTranscriptHash: transcript.rawSpan, crypto: &crypto)
            #expect(isConfirmed)
        }
    }

    @Test("what is sealed for a joiner is what it opens, with and without a path secret", arguments: allSuites)
    func roundTrip(suite: CipherSuite) throws {
        var crypto = try CipherSuiteContext(suite)
        let joiner = JoinerSecret(SecretBytes(randomByteCount: crypto.hashByteCount))
        let joinerBytes = copy(joiner.bytes)
        let path = randomBytes(crypto.hashByteCount)
        let psks = [
            PreSharedKeyID(.external(pskID: [1, 2]), pskNonce: randomBytes(crypto.hashByteCount)),
            PreSharedKeyID(.resumption(usage: .reinit, pskGroupID: [3], pskEpoch: 4), pskNonce: []),
        ]
        let initKey = try HPKEPrivateKey.generate(crypto.kem)
        let initPub = try initKey.publicKey()
        let info = groupInfo(suite)
        let psk = SecretBytes.zero(byteCount: crypto.hashByteCount)
        let encoded = info.encoded
        let encrypted = joiner.welcomeSecret(psk: psk.bytes, crypto: &crypto)
            .seal(groupInfo: encoded.rawSpan, crypto: &crypto)
        let context = JoinerSecrets.encryptContext(encrypted.rawSpan, crypto: &crypto)
        for pathSecret in [path, []] {
            let groupSecrets = JoinerSecrets.groupSecrets(joiner, pathSecret: pathSecret.rawSpan, psks: psks)
            let sealed = try crypto.encrypt(groupSecrets.bytes, to: initPub, in: context)
            let opened = try JoinerSecrets(
                opening: sealed, initKey: initKey, encryptedGroupInfo: encrypted.rawSpan, crypto: &crypto)
            let openedJoiner = copy(opened.joinerSecret.bytes)
            #expect(openedJoiner == joinerBytes)
            let isSamePath =
                switch opened.pathSecret {
                case .some(let secret): secret.isEqual(to: path.rawSpan) && !pathSecret.isEmpty
                case .none: pathSecret.isEmpty
                }
            #expect(isSamePath)
            let openedPSKs = opened.psks
            #expect(openedPSKs == psks)
            let openedInfo = try opened.joinerSecret.welcomeSecret(psk: psk.bytes, crypto: &crypto)
                .open(encryptedGroupInfo: encrypted.rawSpan, crypto: &crypto)
            #expect(openedInfo == info)
            // The GroupInfo that a joiner secret goes with cannot be exchanged.
            let changed: [UInt8] = encrypted.dropLast() + [encrypted[encrypted.count - 1] ^ 1]
            #expect(throws: KeyScheduleError.decryptionFailed) {
                _ = try JoinerSecrets(
                    opening: sealed, initKey: initKey, encryptedGroupInfo: changed.rawSpan, crypto: &crypto)
            }
            let other = try HPKEPrivateKey.generate(crypto.kem)
            #expect(throws: KeyScheduleError.decryptionFailed) {
                _ = try JoinerSecrets(
                    opening: sealed, initKey: other, encryptedGroupInfo: encrypted.rawSpan, crypto: &crypto)
            }
        }
    }

    @Test("a GroupInfo that was changed, or is of other pre-shared keys, does not open", arguments: allSuites)
    func wrongGroupInfo(suite: CipherSuite) throws {
        var crypto = try CipherSuiteContext(suite)
        let joiner = JoinerSecret(SecretBytes(randomByteCount: crypto.hashByteCount))
        let psk = SecretBytes.zero(byteCount: crypto.hashByteCount)
        let other = SecretBytes(randomByteCount: crypto.hashByteCount)
        let encoded = groupInfo(suite).encoded
        let encrypted = joiner.welcomeSecret(psk: psk.bytes, crypto: &crypto)
            .seal(groupInfo: encoded.rawSpan, crypto: &crypto)
        let broken = [encrypted[0] ^ 1] + encrypted.dropFirst()
        for bytes in [broken, Array(encrypted.dropLast()), []] {
            #expect(throws: KeyScheduleError.decryptionFailed) {
                _ = try joiner.welcomeSecret(psk: psk.bytes, crypto: &crypto)
                    .open(encryptedGroupInfo: bytes.rawSpan, crypto: &crypto)
            }
        }
        #expect(throws: KeyScheduleError.decryptionFailed) {
            _ = try joiner.welcomeSecret(psk: other.bytes, crypto: &crypto)
                .open(encryptedGroupInfo: encrypted.rawSpan, crypto: &crypto)
        }
    }

    @Test("secrets of another length, or with bytes behind them, are malformed")
    func malformed() throws {
        var crypto = try CipherSuiteContext(allSuites[0])
        let initKey = try HPKEPrivateKey.generate(crypto.kem)
        let initPub = try initKey.publicKey()
        let secret = [UInt8](repeating: 1, count: 32)
        let valid = GroupSecrets(joinerSecret: secret, pathSecret: secret).encoded
        let wrong = [
            GroupSecrets(joinerSecret: Array(secret.dropLast())).encoded,
            GroupSecrets(joinerSecret: secret, pathSecret: []).encoded,
            valid + [0], Array(valid.dropLast()), [],
        ]
        for (bytes, isValid) in [(valid, true)] + wrong.map({ ($0, false) }) {
            let nothing: [UInt8] = []
            let sealed = try crypto.encryptWithLabel(
                bytes.rawSpan, to: initPub, label: "Welcome", context: nothing.rawSpan)
            let error = refusal(of: sealed, initKey: initKey, crypto: &crypto)
            if case .malformed = error { #expect(!isValid) } else { #expect(error == nil && isValid) }
        }
    }

    private func refusal(
        of sealed: HPKECiphertext, initKey: HPKEPrivateKey, crypto: inout CipherSuiteContext
    ) -> KeyScheduleError? {
        let nothing: [UInt8] = []
        do throws(KeyScheduleError) {
            let secrets = try JoinerSecrets(
                opening: sealed, initKey: initKey, encryptedGroupInfo: nothing.rawSpan, crypto: &crypto)
            _ = secrets.psks
            return nil
        } catch { return error }
    }

    private func groupInfo(_ suite: CipherSuite) -> GroupInfo {
        GroupInfo(
            groupContext: GroupContext(
                cipherSuite: suite, groupID: [1], epoch: 2, treeHash: [3], confirmedTranscriptHash: [4]),
            confirmationTag: [5], signer: LeafIndex(6), signature: [7])
    }
}
