import Testing

@testable import RelayServer

@Suite("Health")
struct HealthTests {
    let health = Health()

    @Test("a failed transaction counts until one succeeds, or for fifteen seconds")
    func failure() {
        #expect(health.problem(at: 1000) == nil)
        health.transactionBegins(at: 1000)
        health.transactionEnded(at: 1001, succeeded: false)
        #expect(health.problem(at: 1001) != nil)
        #expect(health.problem(at: 16_000) != nil)
        #expect(health.problem(at: 16_001) == nil)
        health.transactionEnded(at: 17_000, succeeded: false)
        health.transactionEnded(at: 17_001, succeeded: true)
        #expect(health.problem(at: 17_001) == nil)
        health.readingFailed(at: 18_000)
        #expect(health.problem(at: 18_000) != nil)
    }

    @Test("a transaction that takes more than ten seconds is a problem while it lasts")
    func hanging() {
        health.transactionBegins(at: 1000)
        #expect(health.problem(at: 11_000) == nil)
        #expect(health.problem(at: 11_001) != nil)
        health.transactionEnded(at: 12_000, succeeded: true)
        #expect(health.problem(at: 12_000) == nil)
    }

    @Test("a relay that ends wants no traffic")
    func ending() {
        health.ending()
        #expect(health.problem(at: 1) == "shutting down")
    }
}
