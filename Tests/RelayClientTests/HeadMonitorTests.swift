import MLSCrypto
import RelayWire
import TLSPresentation
import Testing

@testable import RelayClient

@Suite("HeadMonitor")
struct HeadMonitorTests {
    let alice: [UInt8] = [1]
    let bob: [UInt8] = [2]

    /// The chain hash of this device's history at an entry.
    private func chain(_ entry: UInt64) -> SHA256Digest { SHA256.hash(entry.encoded) }

    /// A claim about an entry; of another history where it is not right.
    private func claim(_ entry: UInt64, isRight: Bool = true) -> HeadClaim {
        HeadClaim(sequenceNumber: SequenceNumber(rawValue: entry), chain: isRight ? chain(entry) : .zero)
    }

    /// What the monitor finds in a claim, where this device knows the entries from 10 on.
    private func receive(
        _ claim: HeadClaim, from member: [UInt8], at entry: UInt64, _ monitor: inout HeadMonitor
    ) throws -> HeadMonitor.Finding {
        // As it is stored and read again, each time.
        let stored = monitor.encoded
        monitor = try HeadMonitor(decoding: stored)
        #expect(monitor.encoded == stored)
        return monitor.receive(claim, from: member, at: SequenceNumber(rawValue: entry)) {
            $0.rawValue < 10 ? nil : chain($0.rawValue)
        }
    }

    // MARK: Claims

    @Test("a claim is what PROTOCOL.md says, and what is none is nobody's fault")
    func claims() throws {
        let claim = claim(7)
        #expect(claim.encoded == [1, 0, 0, 0, 0, 0, 0, 0, 7] + chain(7).bytes)
        #expect(HeadClaim(authenticatedData: claim.encoded) == claim)
        for count in claim.encoded.indices {
            #expect(HeadClaim(authenticatedData: Array(claim.encoded[..<count])) == nil)
        }
        #expect(HeadClaim(authenticatedData: claim.encoded + [0]) == nil)
        #expect(HeadClaim(authenticatedData: [2] + claim.encoded.dropFirst()) == nil)
        #expect(HeadClaim(authenticatedData: [0] + claim.encoded.dropFirst()) == nil)
    }

    @Test("S4-14: the same history is consistent, also where a member lags far behind")
    func lag() throws {
        var monitor = HeadMonitor()
        for entry in UInt64(11)...100 {
            #expect(try receive(claim(10), from: alice, at: entry, &monitor) == .consistent)
            #expect(try receive(claim(entry - 1), from: bob, at: entry, &monitor) == .consistent)
        }
        #expect(monitor == HeadMonitor())
    }

    @Test("N-3: another history is suspect at first, found the second time, told once, and again after it was right")
    func fork() throws {
        var monitor = HeadMonitor()
        #expect(try receive(claim(19, isRight: false), from: alice, at: 20, &monitor) == .suspect)
        #expect(try receive(claim(20), from: bob, at: 21, &monitor) == .consistent)
        #expect(try receive(claim(21, isRight: false), from: alice, at: 22, &monitor) == .diverged)
        for entry in UInt64(23)...30 {
            #expect(try receive(claim(entry - 1, isRight: false), from: alice, at: entry, &monitor) == .unknown)
        }
        #expect(try receive(claim(30), from: alice, at: 31, &monitor) == .consistent)
        #expect(try receive(claim(31, isRight: false), from: alice, at: 32, &monitor) == .suspect)
        #expect(try receive(claim(32, isRight: false), from: alice, at: 33, &monitor) == .diverged)
    }

    @Test("one wrong claim alone is never told, nor one of each of two members")
    func single() throws {
        var monitor = HeadMonitor()
        #expect(try receive(claim(19, isRight: false), from: alice, at: 20, &monitor) == .suspect)
        #expect(try receive(claim(19, isRight: false), from: bob, at: 21, &monitor) == .suspect)
        #expect(try receive(claim(21), from: alice, at: 22, &monitor) == .consistent)
        #expect(try receive(claim(22, isRight: false), from: alice, at: 23, &monitor) == .suspect)
        // The same message, received again, or an earlier one: no second claim.
        #expect(try receive(claim(22, isRight: false), from: alice, at: 23, &monitor) == .unknown)
        #expect(try receive(claim(22, isRight: false), from: alice, at: 12, &monitor) == .unknown)
    }

    @Test("nobody has seen its own message before it sent it, or what comes behind it", arguments: [20, 21, .max])
    func impossible(seen: UInt64) throws {
        var monitor = HeadMonitor()
        #expect(try receive(claim(seen), from: alice, at: 20, &monitor) == .suspect)
        #expect(try receive(claim(seen), from: alice, at: 21, &monitor) == (seen == 20 ? .consistent : .diverged))
    }

    @Test("what this device does not know says nothing, and changes nothing")
    func unknown() throws {
        var monitor = HeadMonitor()
        for isRight in [false, true] {
            #expect(try receive(claim(9, isRight: isRight), from: alice, at: 20, &monitor) == .unknown)
        }
        #expect(monitor == HeadMonitor())
        #expect(try receive(claim(19, isRight: false), from: alice, at: 20, &monitor) == .suspect)
        #expect(try receive(claim(9, isRight: false), from: alice, at: 21, &monitor) == .unknown)
        #expect(try receive(claim(21, isRight: false), from: alice, at: 22, &monitor) == .diverged)
    }

    @Test("a member that comes again after it was forgotten begins anew")
    func forgetting() throws {
        var monitor = HeadMonitor()
        #expect(try receive(claim(19, isRight: false), from: alice, at: 20, &monitor) == .suspect)
        monitor.forget(bob)
        #expect(monitor != HeadMonitor())
        monitor.forget(alice)
        #expect(monitor == HeadMonitor())
        #expect(try receive(claim(20, isRight: false), from: alice, at: 21, &monitor) == .suspect)
    }

    @Test("the record stays small, whoever lies, and the newest are remembered")
    func bounded() throws {
        var monitor = HeadMonitor()
        for liar in UInt64(0)..<1000 {
            let claim = claim(2 * liar + 100, isRight: false)
            let finding = try receive(claim, from: liar.encoded, at: 2 * liar + 101, &monitor)
            #expect(finding == .suspect)
        }
        #expect(monitor.encoded.count < 256 * 41 + 20)
        #expect(try receive(claim(5000, isRight: false), from: UInt64(999).encoded, at: 5001, &monitor) == .diverged)
        #expect(try receive(claim(5000, isRight: false), from: UInt64(0).encoded, at: 5001, &monitor) == .suspect)
    }

    @Test("every truncated prefix of the record is refused, and so is one that is too large")
    func record() throws {
        var monitor = HeadMonitor()
        _ = try receive(claim(19, isRight: false), from: alice, at: 20, &monitor)
        _ = try receive(claim(19, isRight: false), from: bob, at: 21, &monitor)
        _ = monitor.checks.receive(check(.consistent, [(7, .diverged, 3)]), epoch: Epoch(rawValue: 3))
        let bytes = monitor.encoded
        #expect(try HeadMonitor(decoding: bytes) == monitor)
        for count in bytes.indices {
            #expect(throws: DecodingError.self) { try HeadMonitor(decoding: Array(bytes[..<count])) }
        }
        var writer = Writer()
        writer.vector { for _ in 0..<257 { $0.raw([UInt8](repeating: 0, count: 41)) } }
        HeadCheckMonitor().encode(into: &writer)
        let tooLarge = writer.bytes
        #expect(throws: DecodingError.self) { try HeadMonitor(decoding: tooLarge) }
        for reported in [[2, 1], [1, 1]] as [[UInt64]] {
            var writer = Writer()
            writer.vector(reported)
            writer.isPresent(false)
            let bytes = writer.bytes
            #expect(throws: DecodingError.self) { try HeadCheckMonitor(decoding: bytes) }
        }
    }

    // MARK: Head checks

    /// An answer of the relay's: what it says of this device, and of members (number, status, epoch).
    private func check(_ own: HeadStatus, _ members: [(UInt64, HeadStatus, UInt64)] = []) -> HeadCheck {
        HeadCheck(
            error: .none, log: LogNumber(rawValue: 1), status: own,
            members: members.map { client, status, epoch in
                MemberHead(
                    client: ClientNumber(rawValue: client), sequenceNumber: .zero, epoch: Epoch(rawValue: epoch),
                    status: status, time: Timestamp(rawValue: 0))
            })
    }

    /// What the monitor makes of answers, one after the other, to a device in epoch 3.
    private func outcomes(_ answers: [HeadCheck]) throws -> [HeadCheckMonitor.Outcome] {
        var monitor = HeadCheckMonitor()
        return try answers.map { answer in
            let stored = monitor.encoded
            monitor = try HeadCheckMonitor(decoding: stored)
            return monitor.receive(answer, epoch: Epoch(rawValue: 3))
        }
    }

    private func divergence(_ client: UInt64?, _ kind: HeadCheckMonitor.Kind) -> HeadCheckMonitor.Divergence {
        .init(client: client.map { ClientNumber(rawValue: $0) }, kind: kind)
    }

    @Test("S4-14: what is the same, behind, ahead or not known is no finding")
    func noFinding() throws {
        let members: [(UInt64, HeadStatus, UInt64)] = [
            (5, .unknown, 0), (6, .consistent, 3), (7, .behind, 2), (8, .ahead, 4),
        ]
        let answers = [HeadStatus.unknown, .consistent, .behind].map { check($0, members) }
        #expect(try outcomes(answers + answers).allSatisfy { $0 == HeadCheckMonitor.Outcome() })
    }

    @Test(
        "N-3: a member that is suspect is checked again, one that has diverged is told once, and again after it was right"
    )
    func divergedMember() throws {
        let outcomes = try outcomes([
            check(.consistent, [(5, .suspect, 3), (6, .consistent, 3)]), check(.consistent, [(5, .diverged, 3)]),
            check(.consistent, [(5, .diverged, 3)]), check(.consistent, [(5, .behind, 3)]),
            check(.behind, [(5, .diverged, 2), (6, .diverged, 3)]),
        ])
        #expect(outcomes.map(\.isSuspect) == [true, false, false, false, false])
        let expected = [
            [], [divergence(5, .state)], [], [], [divergence(5, .history), divergence(6, .state)],
        ]
        #expect(outcomes.map(\.divergences) == expected)
    }

    @Test("where this device is the one that differs, that is told once, and not of all others")
    func divergedSelf() throws {
        let outcomes = try outcomes([
            check(.suspect, [(5, .suspect, 3), (6, .suspect, 3)]),
            check(.diverged, [(5, .diverged, 3), (6, .diverged, 3)]),
            check(.diverged, [(5, .diverged, 3)]), check(.consistent), check(.diverged, [(5, .diverged, 2)]),
        ])
        #expect(outcomes.map(\.isSuspect) == [true, false, false, false, false])
        #expect(outcomes.map(\.divergences) == [[], [divergence(nil, .state)], [], [], [divergence(nil, .history)]])
    }

    @Test("a relay that has lost what it delivered is found the second time")
    func setBack() throws {
        let outcomes = try outcomes([
            check(.ahead), check(.consistent), check(.ahead), check(.ahead), check(.ahead),
        ])
        #expect(outcomes.map(\.isSuspect) == [true, false, true, false, false])
        #expect(outcomes.map(\.divergences) == [[], [], [], [divergence(nil, .history)], []])
    }

    @Test("an answer that is an error says nothing")
    func refused() throws {
        var answer = check(.diverged, [(5, .diverged, 3)])
        answer.error = .notMember
        #expect(try outcomes([answer, answer]).allSatisfy { $0 == HeadCheckMonitor.Outcome() })
    }
}
