import Foundation
import RelayClient
import Testing

/// The code of the article "A first group", which `TutorialTextTests` compares with this file.
@Suite(
    "The tutorial of the documentation", .timeLimit(.minutes(2)))
struct TutorialTests {
    @Test("two people, a second device, and a removal")
    func run() async throws {
        let directory = temporaryPath("tutorial")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        // What is left is a temporary folder.
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await withRelay { relay in try await tutorial(relay: relay.url, directory: directory) }
    }

    private func tutorial(relay: String, directory: String) async throws {
        var (heard, refusal): (String?, String?)
        var reason: GroupEnd?
        func heardByTelephone(_ fingerprint: Fingerprint) -> Bool { !fingerprint.bytes.isEmpty }

        let alice = try Identity.create(user: "alice", device: "laptop")
        try alice.save(to: directory + "/alice.identity", protectedBy: .passphrase("correct horse battery staple"))

        let loaded = try Identity.load(
            from: directory + "/alice.identity", protectedBy: .passphrase("correct horse battery staple"))

        let aliceClient = try RelayClient(identity: loaded, directory: directory + "/alice", relay: relay)
        try await aliceClient.connect()

        let bob = try Identity.create(user: "bob", device: "phone")
        let bobClient = try RelayClient(identity: bob, directory: directory + "/bob", relay: relay)
        let bobEvents = await bobClient.events()
        try await bobClient.connect()

        let choir = try await aliceClient.createGroup(named: "choir")
        try await choir.add(["bob"])

        for await event in bobEvents {
            if case .invitation(let invitation) = event, invitation.state == .waiting {
                try await bobClient.accept(invitation)
            }
            if case .groupJoined = event { break }
        }

        guard let bobsChoir = try await bobClient.groups().first else { return }
        try await bobsChoir.send("Which song do we sing tomorrow?")

        for try await event in choir.events() {
            guard case .message(let message) = event.kind else { continue }
            heard = message.text
            break
        }
        #expect(heard == "Which song do we sing tomorrow?")

        let answer = try await choir.send("The first one.")
        let place = try await choir.accepted(answer)
        #expect(place > 0)

        let tablet = try Identity.create(user: "bob", device: "tablet")
        let admission = try await bobClient.admit(tablet.admissionRequest)
        let tabletClient = try RelayClient(identity: tablet, directory: directory + "/tablet", relay: relay)
        let tabletEvents = await tabletClient.events()
        try await tabletClient.connect(admission: .device(admission))

        for await event in tabletEvents {
            if case .groupJoined = event { break }
        }

        for device in try await aliceClient.devices(of: "bob") where heardByTelephone(device.fingerprint) {
            try await aliceClient.setVerified(true, device.fingerprint, of: "bob")
        }
        let trusts = try await aliceClient.devices(of: "bob").map(\.trust)
        #expect(trusts == [.verified, .verified])

        do throws(RelayClientError) {
            try await bobsChoir.remove(["alice"])
        } catch {
            if error.code == .notAllowed { refusal = error.message }
        }
        #expect(refusal != nil)

        try await choir.remove(["bob"])
        for try await event in bobsChoir.events() {
            guard case .ended(let end) = event.kind else { continue }
            reason = end
            break
        }
        #expect(reason == .removed(by: "alice"))

        await aliceClient.close()
        let aliceAgain = try RelayClient(identity: loaded, directory: directory + "/alice", relay: relay)
        let past = try await aliceAgain.groups().first?.history() ?? []
        await aliceAgain.close()
        #expect(past.contains { if case .message(let message) = $0.kind { message.text == heard } else { false } })

        await bobClient.close()
        await tabletClient.close()
    }
}
