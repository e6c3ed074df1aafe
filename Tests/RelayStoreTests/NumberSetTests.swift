import RelayTestSupport
import TestSupport
import Testing

@testable import RelayStore

@Suite("NumberSet")
struct NumberSetTests {
    @Test("it has what was inserted, in as few ranges as there can be", arguments: 1...20 as ClosedRange<UInt64>)
    func likeASet(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var model: Set<UInt64> = []
        var numbers = NumberSet()
        for _ in 0..<60 {
            let number = UInt64.random(in: 0...50, using: &generator)
            model.insert(number)
            numbers.insert(number)
        }
        #expect(Array(numbers) == model.sorted())
        #expect((0...51).allSatisfy { numbers.contains($0) == model.contains($0) })
        #expect(zip(numbers.ranges, numbers.ranges.dropFirst()).allSatisfy { $0.upperBound + 1 < $1.lowerBound })
    }

    @Test("both ends of the numbers are numbers like others")
    func ends() {
        var numbers = NumberSet()
        for number in [UInt64.max, 0, .max - 1, 1, .max] { numbers.insert(number) }
        #expect(numbers.ranges == [0...1, .max - 1 ... .max])
    }
}
