import Foundation
import MLSCodec
import MLSCrypto
import MLSTestSupport
import RelayWire
import TLSPresentation
import TestSupport

/// What the working group's vectors give a relay to carry: real MLSMessages, group by group.
struct VectorMessages: Sendable {
    /// What is published in order, by one client, and what the relay must say of each.
    struct Script: Sendable {
        var groupID: [UInt8]
        var firstEpoch: UInt64
        var steps: [Step] = []
        /// The epoch after the steps so far.
        var epoch: UInt64
        /// What is in a log by then.
        var taken: Set<[UInt8]> = []
    }

    struct Step: Sendable {
        var message: [UInt8]
        var expected: Expected
    }

    enum Expected: Hashable, Sendable {
        /// An entry of the group's log.
        case entry
        /// An entry of the recipient's inbox.
        case welcome
        /// An entry of the publisher's log of KeyPackages.
        case keyPackage
        /// Taken, without an entry.
        case groupInfo
        /// The receipt of the entry that is there already.
        case again
        case refused(ErrorCode)
    }

    var scripts: [Script] = []
    /// KeyPackages that the Welcomes of the passive clients name here; their owner publishes them first.
    var recipientKeyPackages: [[UInt8]] = []

    private struct MessagesCase: Decodable {
        var mls_welcome, mls_group_info, mls_key_package: Hex
        var public_message_application, public_message_proposal, public_message_commit, private_message: Hex
    }

    private struct PassiveCase: Decodable {
        struct Epoch: Decodable {
            var proposals: [Hex]
            var commit: Hex
        }
        var welcome: Hex
        var epochs: [Epoch]
    }

    /// With KeyPackages of nobody that a relay knows.
    static func load() throws -> VectorMessages {
        let key = try SigningKey.generate(.ed25519)
        return try load(
            publisher: TestClient("publisher", key: key), recipient: TestClient("recipient", key: key))
    }

    /// The vectors' own KeyPackages are of clients that no relay knows, and were over in 2024: those of `publisher` and
    /// `recipient` take their places. Both have Ed25519 keys.
    static func load(publisher: TestClient, recipient: TestClient) throws -> VectorMessages {
        var all = VectorMessages()
        all.recipientKeyPackages = try (0..<10).map { _ in try recipient.publishableKeyPackage() }
        let references = try all.recipientKeyPackages.map(TestClient.reference)
        var welcomeCount = 0
        func welcome(_ message: [UInt8]) throws -> [UInt8] {
            welcomeCount += 1
            return try TestClient.welcome(message, to: [references[welcomeCount % references.count]])
        }
        for vector in try Vectors.load("messages.json", of: MessagesCase.self) {
            let commit = try envelope(vector.public_message_commit.bytes)
            var script = Script(vector.public_message_commit.bytes, commit)
            try script.add(vector.public_message_proposal.bytes)
            try script.add(vector.mls_group_info.bytes)
            try script.add(vector.private_message.bytes)
            try script.add(vector.public_message_commit.bytes)
            script.steps.append(
                Step(message: vector.public_message_application.bytes, expected: .refused(.messageMalformed)))
            script.steps.append(Step(message: vector.mls_welcome.bytes, expected: .refused(.keyPackageRefUnknown)))
            script.steps.append(
                Step(message: vector.mls_key_package.bytes, expected: .refused(.keyPackageInvalid)))
            // As many as a pool takes.
            if all.scripts.count < 100 {
                script.steps.append(Step(message: try publisher.publishableKeyPackage(), expected: .keyPackage))
            }
            all.scripts.append(script)
        }
        // Thirteen histories of each of seven groups: what the first has published stands, the others are late or repeat it.
        var groups: [[UInt8]: Int] = [:]
        // The same Welcome of several histories is the same message.
        var welcomes: [[UInt8]: [UInt8]] = [:]
        for file in ["passive-client-welcome.json", "passive-client-handling-commit.json"] {
            for vector in try Vectors.load(file, of: PassiveCase.self) {
                let welcome = try welcomes[vector.welcome.bytes] ?? welcome(vector.welcome.bytes)
                welcomes[vector.welcome.bytes] = welcome
                guard let first = vector.epochs.first?.commit.bytes else {
                    // Only a Welcome, which names no group: it rides with the group before.
                    all.scripts[all.scripts.count - 1].addWelcome(welcome)
                    continue
                }
                let new = Script(first, try envelope(first))
                let index = groups[new.groupID] ?? all.scripts.count
                if index == all.scripts.count {
                    groups[new.groupID] = index
                    all.scripts.append(new)
                }
                all.scripts[index].addWelcome(welcome)
                for epoch in vector.epochs {
                    for proposal in epoch.proposals { try all.scripts[index].add(proposal.bytes) }
                    try all.scripts[index].add(epoch.commit.bytes)
                }
            }
        }
        return all
    }

    static func envelope(_ message: [UInt8]) throws -> MLSMessageEnvelope { try MLSMessageEnvelope(message.rawSpan) }
}

extension VectorMessages.Script {
    init(_ message: [UInt8], _ envelope: MLSMessageEnvelope) {
        let epoch = envelope.epoch ?? 0
        self.init(groupID: Array(message[envelope.groupID ?? 0..<0]), firstEpoch: epoch, epoch: epoch)
    }

    mutating func addWelcome(_ message: [UInt8]) {
        steps.append(
            VectorMessages.Step(message: message, expected: taken.insert(message).inserted ? .welcome : .again))
    }

    /// Adds a message, with what the rules of PROTOCOL.md section 7.2 make of it: a slow and obvious model.
    mutating func add(_ message: [UInt8]) throws {
        let envelope = try VectorMessages.envelope(message)
        let messageEpoch = envelope.epoch ?? 0
        let isCommit = envelope.contentType == .commit
        var expected = VectorMessages.Expected.entry
        if case .groupInfo = envelope.payload { expected = .groupInfo }
        if taken.contains(message) {
            expected = .again
        } else if messageEpoch > epoch {
            expected = .refused(.futureEpoch)
        } else if messageEpoch < epoch, isCommit || expected == .groupInfo || epoch - messageEpoch > 5 {
            expected = .refused(.staleEpoch)
        }
        if isCommit, expected == .entry { epoch += 1 }
        if expected == .entry { taken.insert(message) }
        steps.append(VectorMessages.Step(message: message, expected: expected))
    }
}
