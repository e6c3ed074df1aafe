import RelayConnection
import RelayCore
import RelayServer
import RelayWire
import Synchronization
import TLSPresentation
import Testing

@testable import RelayClient

@Suite("RelayClient: registering and connecting", .timeLimit(.minutes(2)))
struct RegistrationTests {
    @Test(
        "S3-2: a new device has a number, a credential and KeyPackages, by whatever rule",
        arguments: CredentialRule.allCases)
    func registers(rule: CredentialRule) async throws {
        try await withRelay({ $0.credentials.rule = rule }) { relay in
            let device = try TestDevice("alice", at: relay.url)
            let client = try await device.connect()
            let account = await client.readAccount()
            #expect(account.isRegistered && account.rule == rule && account.serverName == Array("mlsrelay".utf8))
            #expect(account.root.isEmpty == (rule == .basic) && account.devices.map(\.client) == [account.clientNumber])
            #expect((account.credentialNotAfter.rawValue == 0) == (rule == .basic))
            let count = try await client.countAtRelay()
            #expect(count?.count == 5 && count?.hasLastResort == true)
            let states = try await client.keyPackageStates
            #expect(states.count == 6 && states.values.allSatisfy(\.isPublished))
            await device.close()
            // It is the same device, and there is nothing more to do.
            let again = try await device.connect()
            #expect(await again.readAccount() == account)
            #expect(try await again.keyPackageStates == states)
            await device.close()
        }
    }

    @Test("whoever closes a client, also again, finds its store free")
    func closedTwice() async throws {
        try await withRelay { relay in
            let device = try TestDevice("alice", at: relay.url)
            let client = try await device.connect()
            await withTaskGroup { group in
                for _ in 0..<4 { group.addTask { await client.close() } }
                await group.next()
                #expect(throws: Never.self) { try device.open() }
            }
            await device.close()
        }
    }

    @Test("a second device comes in by an admission of the first, which then knows it")
    func secondDevice() async throws {
        try await withRelay { relay in
            let phone = try TestDevice("alice", at: relay.url)
            try await phone.connect()
            let laptop = try await phone.admitted("laptop ü")
            #expect(try await laptop.client.devices().map(\.name) == ["phone", "laptop ü"])
            #expect(try await laptop.client.devices().map(\.isThisDevice) == [false, true])
            await phone.close()
            // It learns of it when it connects.
            let client = try phone.open()
            var events = await client.events().makeAsyncIterator()
            try await client.connect()
            var added: Device?
            while added == nil, let event = await events.next() {
                if case .deviceAdded(let device) = event { added = device }
            }
            #expect(added?.name == "laptop ü" && added?.fingerprint == laptop.identity.fingerprint)
            #expect(await client.readAccount().devices.count == 2)
            for device in [phone, laptop] { await device.close() }
        }
    }

    @Test("a name that is taken is not another's to register with")
    func taken() async throws {
        try await withRelay { relay in
            let phone = try TestDevice("alice", at: relay.url)
            let client = try await phone.connect()
            let mallory = try TestDevice("alice", "laptop", at: relay.url)
            #expect(await clientErrorCode { try await mallory.connect() } == .nameTaken)
            // An admission of somebody else's device is of no use to this one.
            let other = try DeviceIdentity.create(user: "alice", device: "tablet")
            let admission = try await client.admit(other.admissionRequest)
            await mallory.close()
            #expect(await clientErrorCode { try await mallory.connect(.device(admission)) } == .admissionInvalid)
            await mallory.close()
            #expect(await clientErrorCode { try await mallory.connect(.device("alice")) } == .admissionInvalid)
            // Nor is one for another user, which a device does not give.
            let bob = try DeviceIdentity.create(user: "bob", device: "phone")
            #expect(await clientErrorCode { _ = try await client.admit(bob.admissionRequest) } == .admissionInvalid)
            #expect(await clientErrorCode { _ = try await client.admit("hello") } == .admissionInvalid)
            for device in [phone, mallory] { await device.close() }
        }
    }

    @Test("an admission ends after a day")
    func admissionEnds() async throws {
        try await withRelay { relay in
            let phone = try TestDevice("alice", at: relay.url)
            let client = try await phone.connect()
            let laptop = try TestDevice("alice", "laptop", at: relay.url)
            let request = laptop.identity.admissionRequest
            let yesterday = try await client.sign(admissionOf: request, at: UInt64(0))
            #expect(await clientErrorCode { try await laptop.connect(.device(yesterday)) } == .admissionInvalid)
            for device in [phone, laptop] { await device.close() }
        }
    }

    @Test("S0-1: where the operator wants a token, one that is right lets a user in, once")
    func token() async throws {
        let needsToken = Mutex(false)
        try await withRelay({ configuration in
            configuration.rules.operators = [Array("operator".utf8)]
            configuration.rules.registration = needsToken.withLock { $0 } ? .token : .open
        }) { relay in
            let boss = try TestDevice("operator", at: relay.url)
            try await boss.connect()
            let made = try await boss.client.usableConnection().administer(
                .createToken(uses: 1, notAfter: Timestamp(rawValue: 0), note: []))
            await boss.close()
            needsToken.withLock { $0 = true }
            try await relay.restart()
            for (user, admission, expected) in [
                ("alice", DeviceAdmission.open, RelayClientError.Code.admissionRequired),
                ("alice", .token("00"), .admissionInvalid), ("alice", .token(made.token.hex), nil),
                ("bob", .token(made.token.hex), .admissionInvalid),
            ] {
                let device = try TestDevice(user, at: relay.url)
                #expect(await clientErrorCode { try await device.connect(admission) } == expected)
                await device.close()
            }
        }
    }

    @Test("a store is one relay's")
    func mismatch() async throws {
        let name = Mutex("first")
        // An authority is of one name; here there is none.
        let change: @Sendable (inout ServerConfiguration) -> Void = { configuration in
            configuration.credentials.rule = .basic
            configuration.serverName = name.withLock { $0 }
        }
        try await withRelay(change) { relay in
            let device = try TestDevice("alice", at: relay.url)
            try await device.connect()
            await device.close()
            name.withLock { $0 = "second" }
            try await relay.restart()
            #expect(await clientErrorCode { try await device.connect() } == .storeMismatch)
            await device.close()
        }
    }

    @Test("S3-8: a relay that comes with another authority than before is not trusted")
    func otherRoot() async throws {
        let directory = Mutex(temporaryPath("authority"))
        let change: @Sendable (inout ServerConfiguration) -> Void = { configuration in
            configuration.credentials.rule = .x509
            configuration.credentials.authorityDirectory = directory.withLock { $0 }
        }
        try await withRelay(change) { relay in
            let device = try TestDevice("alice", at: relay.url)
            let root = try await device.connect().readAccount().root
            await device.close()
            // Who got the root by another way compares from the beginning.
            let careful = try TestDevice("bob", at: relay.url)
            careful.configure { $0.authorityRoot = root }
            try await careful.connect()
            await careful.close()
            directory.withLock { $0 = temporaryPath("authority") }
            try await relay.restart()
            for known in [device, careful] {
                #expect(await clientErrorCode { try await known.connect() } == .relayNotTrusted)
                await known.close()
            }
            let fresh = try TestDevice("carol", at: relay.url)
            fresh.configure { $0.authorityRoot = root }
            #expect(await clientErrorCode { try await fresh.connect() } == .relayNotTrusted)
            await fresh.close()
        }
    }

    @Test("a credential is renewed before it ends")
    func credentialRenewed() async throws {
        try await withRelay({ $0.credentials.rule = .x509 }) { relay in
            let device = try TestDevice("alice", at: relay.url)
            let client = try await device.connect()
            let first = await client.readAccount()
            await client.maintain()
            #expect(await client.readAccount().credential == first.credential)
            // As if most of its time were over.
            try await client.shift(notBefore: 80 * 86_400_000, ahead: 10 * 86_400_000)
            await client.maintain()
            let second = await client.readAccount()
            #expect(second.credential != first.credential && !second.needsCredential)
            #expect(second.credentialNotAfter >= first.credentialNotAfter)
            await device.close()
        }
    }

    @Test("N-15: a device that another one revokes is told so, and the others hear of it")
    func revoked() async throws {
        try await withRelay { relay in
            let phone = try TestDevice("alice", at: relay.url)
            try await phone.connect()
            let laptop = try await phone.admitted("laptop")
            let tablet = try await phone.admitted("tablet")
            // So that it knows the third.
            await laptop.close()
            let client = try laptop.open()
            var events = await client.events().makeAsyncIterator()
            try await client.connect()
            let devices = try await phone.client.devices()
            let lost = try #require(devices.first { $0.name == "tablet" })
            try await phone.client.revoke(lost)
            while let event = await events.next() {
                guard case .deviceRevoked(let device) = event else { continue }
                #expect(device.fingerprint == tablet.identity.fingerprint && device.name == "tablet")
                break
            }
            #expect(try await phone.client.devices().map(\.name) == ["phone", "laptop"])
            await tablet.close()
            #expect(await clientErrorCode { try await tablet.connect() } == .deviceRevoked)
            #expect(await clientErrorCode { try await phone.client.revoke(lost) } == .userUnknown)
            for device in [phone, laptop, tablet] { await device.close() }
        }
    }

    @Test("the last device of a user cannot be revoked")
    func lastDevice() async throws {
        try await withRelay { relay in
            let phone = try TestDevice("alice", at: relay.url)
            let client = try await phone.connect()
            let device = try #require(try await client.devices().first)
            #expect(await clientErrorCode { try await client.revoke(device) } == .lastDevice)
            await phone.close()
        }
    }
}

extension RelayClient {
    /// Makes the credential as old as a test wants it.
    fileprivate func shift(notBefore age: UInt64, ahead: UInt64) throws {
        try updateAccount { account in
            let now = account.credentialNotBefore.rawValue
            account.credentialNotBefore = Timestamp(rawValue: now - age)
            account.credentialNotAfter = Timestamp(rawValue: now + ahead)
        }
    }
}
