import MLSCodec
import RelayWire
import Testing

@testable import RelayClient

@Suite("RelayClient: what is to be done about KeyPackages")
struct KeyPackagePlanTests {
    typealias State = KeyPackageRecord.State
    static let now: UInt64 = 1_800_000_000
    static let lifetime: UInt64 = 30 * 86_400

    static func state(
        _ sequence: UInt64, isLastResort: Bool = false, left: UInt64 = lifetime, deleteAfter: UInt64 = 0
    ) -> State {
        State(
            notAfter: now + left, isLastResort: isLastResort, sequenceNumber: SequenceNumber(rawValue: sequence),
            deleteAfter: deleteAfter)
    }

    static func plan(
        _ states: [Int: State], count: UInt32 = 0, hasLastResort: Bool = true, used: UInt64 = 0
    ) -> KeyPackagePlan {
        let keyed = Dictionary(uniqueKeysWithValues: states.map { ([UInt8($0.key)], $0.value) })
        let count = KeyPackageCount(cipherSuite: Account.suite, count: count, hasLastResort: hasLastResort)
        return KeyPackagePlan(
            keyed, count: count, wanted: 5, lifetime: lifetime, lastResortUsed: SequenceNumber(rawValue: used), at: now)
    }

    @Test("a new device makes all of them, and one for the last resort")
    func new() {
        let plan = Self.plan([:], hasLastResort: false)
        #expect(plan.newCount == 5 && plan.needsLastResort && plan.publish.isEmpty)
    }

    @Test("what is there is filled up")
    func refill() {
        let states = [1: Self.state(1), 2: Self.state(2), 9: Self.state(9, isLastResort: true)]
        let plan = Self.plan(states, count: 2)
        #expect(plan.newCount == 3 && !plan.needsLastResort && plan.delete.isEmpty && plan.retire.isEmpty)
        #expect(Self.plan(states, count: 5).newCount == 0 && Self.plan(states, count: 80).newCount == 0)
    }

    @Test("what was stored before a crash is published, and counts")
    func unpublished() {
        let states = [1: Self.state(0), 2: Self.state(2), 8: Self.state(0, isLastResort: true)]
        let plan = Self.plan(states, count: 1)
        #expect(plan.publish == [[1]] && plan.publishLastResort == [8] && plan.newCount == 3 && !plan.needsLastResort)
    }

    @Test("before all of them are over there are others, also where this device has no secrets of what the relay has")
    func stale() {
        let old = [1: Self.state(1, left: Self.lifetime / 2 - 1), 9: Self.state(9, isLastResort: true, left: 100)]
        let plan = Self.plan(old, count: 5)
        #expect(plan.newCount == 5 && plan.needsLastResort)
        #expect(Self.plan([9: Self.state(9, isLastResort: true)], count: 5).newCount == 5)
    }

    @Test("a last-resort KeyPackage that was handed out is replaced, and one that has replaced it is not")
    func lastResort() {
        let states = [1: Self.state(1), 9: Self.state(9, isLastResort: true)]
        #expect(Self.plan(states, count: 5, used: 9).needsLastResort)
        #expect(!Self.plan(states, count: 5, used: 8).needsLastResort)
        #expect(Self.plan(states, count: 5, hasLastResort: false).needsLastResort)
    }

    @Test("secrets go some time after they were of use, not before")
    func deletion() {
        let states = [
            1: State(notAfter: Self.now, isLastResort: false, sequenceNumber: SequenceNumber(rawValue: 1)),
            2: Self.state(2, left: 100, deleteAfter: Self.now), 3: Self.state(3, left: 100, deleteAfter: Self.now + 1),
            4: Self.state(4),
        ]
        let plan = Self.plan(states, count: 5)
        #expect(plan.retire == [[1]] && plan.delete == [[2]])
    }
}
