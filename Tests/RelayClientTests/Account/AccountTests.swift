import MLSCodec
import MLSCrypto
import RelayConnection
import RelayWire
import TLSPresentation
import Testing

@testable import RelayClient

@Suite("RelayClient: an account")
struct AccountTests {
    static func account() -> Account {
        var account = Account(
            user: Array("alice".utf8), device: Array("phone".utf8), signatureKey: [UInt8](repeating: 7, count: 32),
            root: [])
        account.clientNumber = ClientNumber(rawValue: 3)
        account.serverName = Array("relay".utf8)
        account.rule = .basic
        account.devices = [
            OwnDevice(client: ClientNumber(rawValue: 4), name: [65], signatureKey: [1], registered: .init(rawValue: 5))
        ]
        return account
    }

    static func entry(_ kind: EntryKind, _ payload: [UInt8]) -> Entry {
        let header = EntryHeader(
            log: LogNumber(rawValue: 1), sequenceNumber: SequenceNumber(rawValue: 1), time: Timestamp(rawValue: 1),
            sender: .relay, kind: kind)
        return Entry(header: header, chain: .zero, payload: payload)
    }

    static func authority(
        _ rule: CredentialRule = .basic, root: [UInt8] = [], name: String = "relay"
    ) -> Authority {
        Authority(
            credentials: rule, rootCertificate: root, serverName: Array(name.utf8), directoryLast: .zero,
            directoryChain: .zero)
    }

    @Test("what is stored is what was known, and nothing less is taken for it")
    func coding() throws {
        var account = Self.account()
        account.rule = .x509
        account.root = [1, 2]
        account.credential = [3]
        account.credentialNotBefore = Timestamp(rawValue: 4)
        account.credentialNotAfter = Timestamp(rawValue: 5)
        account.inbox = Cursor(sequenceNumber: SequenceNumber(rawValue: 6), chain: SHA256.hash([1]))
        account.needsKeyPackages = true
        account.lastResortUsed = SequenceNumber(rawValue: 8)
        let encoded = account.encoded
        #expect(try Account(decoding: encoded) == account)
        for count in 0..<encoded.count {
            let prefix = Array(encoded.prefix(count))
            #expect(throws: DecodingError.self) { try Account(decoding: prefix) }
        }
    }

    @Test("the first word about the authority is kept, and another one is not taken")
    func pinning() throws {
        var account = Self.account()
        try account.adopt(Self.authority())
        let before = account
        for other in [
            Self.authority(name: "other"), Self.authority(.either, root: [1]), Self.authority(.x509, root: []),
        ] {
            #expect(throws: RelayClientError.self) { try account.adopt(other) }
            #expect(account == before)
        }
    }

    @Test("a relay that asked for certificates does not come to take names instead")
    func downgrade() {
        var account = Self.account()
        account.rule = .x509
        account.root = [1]
        for rule in [CredentialRule.either, .basic] {
            let error = #expect(throws: RelayClientError.self) { try account.adopt(Self.authority(rule, root: [1])) }
            #expect(error?.code == .relayNotTrusted)
        }
    }

    @Test("a root that was given beforehand is the one that counts, also where the relay has none")
    func givenRoot() {
        var account = Account(user: [65], device: [], signatureKey: [], root: [1])
        for authority in [Self.authority(), Self.authority(.x509, root: [2])] {
            let error = #expect(throws: RelayClientError.self) { try account.adopt(authority) }
            #expect(error?.code == .relayNotTrusted)
        }
    }

    @Test("a root that is no certificate is not kept")
    func malformedRoot() {
        var account = Account(user: [65], device: [], signatureKey: [], root: [])
        let error = #expect(throws: RelayClientError.self) { try account.adopt(Self.authority(.x509, root: [1, 2])) }
        #expect(error?.code == .relayNotTrusted && account.root.isEmpty && account.rule == nil)
    }

    @Test("a basic credential of another user is not taken")
    func foreignCredential() throws {
        var account = Self.account()
        let none = Timestamp(rawValue: 0)
        let other = CredentialAnswer(
            credential: Credential.basic(identity: Array("bob".utf8)).encoded, notBefore: none, notAfter: none)
        let error = #expect(throws: RelayClientError.self) { try account.adopt(other, at: 1) }
        #expect(error?.code == .relayNotTrusted && account.credential.isEmpty)
        let own = CredentialAnswer(
            credential: Credential.basic(identity: account.user).encoded, notBefore: none, notAfter: none)
        try account.adopt(own, at: 1)
        #expect(!account.shouldRenewCredential(at: .max))
    }

    @Test(
        "a credential is renewed when less than a third of its time is left",
        arguments: [(1000, false), (1600, false), (1601, true), (1900, true), (5000, true)])
    func renewal(now: UInt64, isDue: Bool) {
        var account = Self.account()
        #expect(account.shouldRenewCredential(at: now))
        account.credential = [1]
        account.credentialNotBefore = Timestamp(rawValue: 1_000_000)
        account.credentialNotAfter = Timestamp(rawValue: 1_900_000)
        #expect(account.shouldRenewCredential(at: now) == isDue)
        account.needsCredential = true
        #expect(account.shouldRenewCredential(at: now))
    }

    @Test("notices of the inbox say what is to be done")
    func notices() throws {
        var account = Self.account()
        let suite = Account.suite
        #expect(try account.receive(Self.entry(.poolLow, LowPoolNotice(cipherSuite: suite, count: 1).encoded)) == nil)
        #expect(account.needsKeyPackages && account.needsUpkeep)
        account.needsKeyPackages = false
        let used = LastResortNotice(
            cipherSuite: suite, sequenceNumber: SequenceNumber(rawValue: 9), recipient: .relay)
        _ = try account.receive(Self.entry(.lastResortUsed, used.encoded))
        #expect(account.needsKeyPackages && account.lastResortUsed == SequenceNumber(rawValue: 9))
        account.credentialNotAfter = Timestamp(rawValue: 50)
        _ = try account.receive(
            Self.entry(.credentialExpiring, ExpiryNotice(notAfter: Timestamp(rawValue: 49)).encoded))
        #expect(!account.needsCredential)
        _ = try account.receive(
            Self.entry(.credentialExpiring, ExpiryNotice(notAfter: Timestamp(rawValue: 50)).encoded))
        #expect(account.needsCredential)
    }

    @Test("a notice about KeyPackages of a suite that is not used here is passed over")
    func otherSuite() throws {
        var account = Self.account()
        let notice = LowPoolNotice(cipherSuite: CipherSuite(rawValue: 2), count: 0)
        _ = try account.receive(Self.entry(.poolLow, notice.encoded))
        #expect(!account.needsUpkeep)
    }

    @Test("a device of this user's that was revoked is told once, and others' are not")
    func revocation() throws {
        var account = Self.account()
        let device = account.devices[0]
        let notice = RevocationNotice(client: device.client, by: account.clientNumber, reason: .lost)
        #expect(try account.receive(Self.entry(.clientRevoked, notice.encoded)) == device)
        #expect(try account.receive(Self.entry(.clientRevoked, notice.encoded)) == nil)
        #expect(account.devices.isEmpty)
    }

    @Test("a notice that is none is an error, and changes nothing")
    func malformed() {
        var account = Self.account()
        let before = account
        for kind in [EntryKind.poolLow, .lastResortUsed, .credentialExpiring, .clientRevoked] {
            #expect(throws: DecodingError.self) { try account.receive(Self.entry(kind, [1])) }
            #expect(account == before)
        }
    }
}
