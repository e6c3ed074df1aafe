import MLS
import MLSCodec
import MLSCrypto
import TLSPresentation
import TestSupport
import Testing

@Suite("The key schedule (RFC 9420 section 8)")
struct KeyScheduleTests {
    struct Case: Decodable {
        struct Epoch: Decodable {
            struct Exporter: Decodable {
                let context: Hex
                let label: String
                let length: Int
                let secret: Hex
            }

            let tree_hash: Hex
            let commit_secret: Hex
            let psk_secret: Hex
            let confirmed_transcript_hash: Hex
            let group_context: Hex
            let joiner_secret: Hex
            let welcome_secret: Hex
            let init_secret: Hex
            let sender_data_secret: Hex
            let encryption_secret: Hex
            let exporter_secret: Hex
            let epoch_authenticator: Hex
            let external_secret: Hex
            let confirmation_key: Hex
            let membership_key: Hex
            let resumption_psk: Hex
            let external_pub: Hex
            let exporter: Exporter
        }

        let cipher_suite: UInt16
        let group_id: Hex
        let initial_init_secret: Hex
        let epochs: [Epoch]
    }

    @Test("official vectors: key-schedule.json")
    func vectors() throws {
        let cases = try Vectors.load("key-schedule.json", of: Case.self)
        #expect(Set(cases.map(\.cipher_suite)) == Set(1...7))
        for vector in cases {
            var crypto = try CipherSuiteContext(CipherSuite(rawValue: vector.cipher_suite))
            var initSecret = vector.initial_init_secret.bytes
            for (number, epoch) in vector.epochs.enumerated() {
                let context = GroupContext(
                    cipherSuite: crypto.suite, groupID: vector.group_id.bytes, epoch: UInt64(number),
                    treeHash: epoch.tree_hash.bytes,
                    confirmedTranscriptHash: epoch.confirmed_transcript_hash.bytes
                ).encoded
                #expect(context == epoch.group_context.bytes)
                let commitSecret = epoch.commit_secret.bytes
                let joiner = JoinerSecret(
                    initSecret: initSecret.rawSpan, commitSecret: commitSecret.rawSpan,
                    groupContext: context.rawSpan, crypto: &crypto)
                let joinerBytes = copy(joiner.bytes)
                #expect(joinerBytes == epoch.joiner_secret.bytes)
                let psk = epoch.psk_secret.bytes
                let welcome = joiner.welcomeSecret(psk: psk.rawSpan, crypto: &crypto)
                let welcomeBytes = welcome.secret.copy
                #expect(welcomeBytes == epoch.welcome_secret.bytes)
                var secrets = joiner.epochSecrets(
                    psk: psk.rawSpan, groupContext: context.rawSpan, crypto: &crypto)
                try expectSame(&secrets, epoch, crypto: &crypto)
                initSecret = secrets.initSecret.copy
            }
        }
    }

    private func expectSame(
        _ secrets: inout EpochSecrets, _ epoch: Case.Epoch, crypto: inout CipherSuiteContext
    ) throws {
        let (senderData, exporter) = (secrets.senderDataSecret.copy, secrets.exporterSecret.copy)
        let (external, confirmation) = (secrets.externalSecret.copy, secrets.confirmationKey.copy)
        let (membership, resumption) = (secrets.membershipKey.copy, secrets.resumptionPSK.copy)
        let (authenticator, initSecret) = (secrets.epochAuthenticator.copy, secrets.initSecret.copy)
        #expect(senderData == epoch.sender_data_secret.bytes)
        #expect(exporter == epoch.exporter_secret.bytes)
        #expect(external == epoch.external_secret.bytes)
        #expect(confirmation == epoch.confirmation_key.bytes)
        #expect(membership == epoch.membership_key.bytes)
        #expect(resumption == epoch.resumption_psk.bytes)
        #expect(authenticator == epoch.epoch_authenticator.bytes)
        #expect(initSecret == epoch.init_secret.bytes)
        let externalPub = try secrets.externalKeyPair(crypto: &crypto).publicKeyBytes
        #expect(externalPub == epoch.external_pub.bytes)
        let context = epoch.exporter.context.bytes
        let exported = secrets.export(
            label: epoch.exporter.label, context: context.rawSpan, byteCount: epoch.exporter.length,
            crypto: &crypto
        ).copy
        #expect(exported == epoch.exporter.secret.bytes)
        let encryption = secrets.takeEncryptionSecret()?.copy
        #expect(encryption == epoch.encryption_secret.bytes)
        let again = secrets.takeEncryptionSecret()?.copy
        #expect(again == nil)
    }

    @Test("epoch secrets that were saved are the same, with and without the encryption secret", arguments: allSuites)
    func saving(suite: CipherSuite) throws {
        var crypto = try CipherSuiteContext(suite)
        var secrets = randomEpoch(crypto: &crypto)
        for isTaken in [false, true] {
            if isTaken { _ = secrets.takeEncryptionSecret() }
            let saved = secrets.saved()
            let bytes = saved.copy
            var loaded = try EpochSecrets(saved: saved.bytes, hash: crypto.hashAlgorithm)
            let again = loaded.saved().copy
            #expect(again == bytes)
            let encryption = loaded.takeEncryptionSecret()?.copy
            #expect((encryption == nil) == isTaken)
            for byteCount in 0..<bytes.count {
                let prefix = Array(bytes.prefix(byteCount))
                #expect(throws: DecodingError.self) {
                    _ = try EpochSecrets(saved: prefix.rawSpan, hash: crypto.hashAlgorithm)
                }
            }
            let longer = bytes + [0]
            #expect(throws: DecodingError.self) {
                _ = try EpochSecrets(saved: longer.rawSpan, hash: crypto.hashAlgorithm)
            }
        }
    }

    @Test("a past epoch keeps its sender data secret and its resumption PSK (RFC 9420 section 8.6)")
    func past() throws {
        var crypto = try CipherSuiteContext(allSuites[0])
        let secrets = randomEpoch(crypto: &crypto)
        let (senderData, resumption) = (secrets.senderDataSecret.copy, secrets.resumptionPSK.copy)
        let past = secrets.past()
        let (pastSenderData, pastResumption) = (past.senderDataSecret.copy, past.resumptionPSK.copy)
        #expect(senderData == pastSenderData && resumption == pastResumption)
    }

    @Test("a confirmation tag is of its epoch and transcript only (RFC 9420 section 6.1)", arguments: allSuites)
    func confirmation(suite: CipherSuite) throws {
        var crypto = try CipherSuiteContext(suite)
        let first = randomEpoch(crypto: &crypto)
        let second = randomEpoch(crypto: &crypto)
        let (transcript, other) = ([1, 2, 3] as [UInt8], [1, 2, 4] as [UInt8])
        let tag = first.confirmationTag(confirmedTranscriptHash: transcript.rawSpan, crypto: &crypto)
        var broken = tag
        broken[0] ^= 0x80
        let answers = [
            first.isConfirmed(by: tag.rawSpan, confirmedTranscriptHash: transcript.rawSpan, crypto: &crypto),
            first.isConfirmed(by: tag.rawSpan, confirmedTranscriptHash: other.rawSpan, crypto: &crypto),
            first.isConfirmed(by: broken.rawSpan, confirmedTranscriptHash: transcript.rawSpan, crypto: &crypto),
            first.isConfirmed(by: RawSpan(), confirmedTranscriptHash: transcript.rawSpan, crypto: &crypto),
            second.isConfirmed(by: tag.rawSpan, confirmedTranscriptHash: transcript.rawSpan, crypto: &crypto),
        ]
        #expect(answers == [true, false, false, false, false])
    }

    @Test("an external joiner and the members have the same init secret (RFC 9420 section 8.3)", arguments: allSuites)
    func externalInit(suite: CipherSuite) throws {
        var crypto = try CipherSuiteContext(suite)
        let secrets = randomEpoch(crypto: &crypto)
        let key = try secrets.externalKeyPair(crypto: &crypto)
        let externalPub = try key.publicKey()
        let joiner = try ExternalInitSecret(to: externalPub, crypto: &crypto)
        let joinerSecret = joiner.secret.copy
        let member = try ExternalInitSecret(kemOutput: joiner.kemOutput, key: key, crypto: &crypto).secret.copy
        #expect(joinerSecret == member && member.count == crypto.hashByteCount)
        let other = try HPKEPrivateKey.generate(crypto.kem)
        let otherSecret = try ExternalInitSecret(kemOutput: joiner.kemOutput, key: other, crypto: &crypto).secret.copy
        #expect(otherSecret != member)
        #expect(throws: CryptoError.invalidKey) {
            _ = try ExternalInitSecret(kemOutput: [1, 2, 3], key: key, crypto: &crypto)
        }
    }
}

/// The secrets of an epoch that nobody else is in.
func randomEpoch(crypto: inout CipherSuiteContext) -> EpochSecrets {
    let joiner = JoinerSecret(SecretBytes(randomByteCount: crypto.hashByteCount))
    let zero = SecretBytes.zero(byteCount: crypto.hashByteCount)
    let context: [UInt8] = [1, 2, 3]
    return joiner.epochSecrets(psk: zero.bytes, groupContext: context.rawSpan, crypto: &crypto)
}
