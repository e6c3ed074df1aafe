import RelayWire

/// What is to be done about a device's KeyPackages, decided from what it has and what the relay says. RFC 9750
/// section 5.1, RFC 9420 section 16.8.
struct KeyPackagePlan: Hashable {
    typealias Reference = [UInt8]

    /// Made before, and perhaps never published: the relay takes each once, however often it is sent.
    var publish: [Reference] = []
    /// The same for the last resort.
    var publishLastResort: Reference?
    /// How many are to be made, to be handed out once each.
    var newCount = 0
    /// Whether a last-resort KeyPackage is to be made.
    var needsLastResort = false
    /// Of no more use: their secrets go after a while.
    var retire: [Reference] = []
    /// Their secrets go now.
    var delete: [Reference] = []

    /// How long secrets are kept that are of no more use, in seconds: a Welcome may be on its way, or lie in the inbox of
    /// a device that was off for long.
    static let graceTime: UInt64 = 7 * 86_400

    /// - Parameters:
    ///   - states: of all KeyPackages of this device.
    ///   - count: what the relay has.
    ///   - wanted: how many it should have.
    ///   - lifetime: how long new ones may be used, in seconds.
    ///   - lastResortUsed: `Account.lastResortUsed`.
    ///   - now: in seconds since 1970.
    init(
        _ states: [Reference: KeyPackageRecord.State], count: KeyPackageCount, wanted: Int, lifetime: UInt64,
        lastResortUsed: SequenceNumber, at now: UInt64
    ) {
        // In an order that does not change from run to run.
        let all = states.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        delete = all.filter { $0.value.isRetired && $0.value.deleteAfter <= now }.map(\.key)
        let kept = all.filter { !$0.value.isRetired }
        retire = kept.filter { $0.value.notAfter <= now }.map(\.key)
        let valid = kept.filter { $0.value.notAfter > now }
        planPool(valid.filter { !$0.value.isLastResort }, count, wanted: wanted, lifetime, at: now)
        planLastResort(valid.filter(\.value.isLastResort), count, used: lastResortUsed, lifetime, at: now)
    }

    private typealias Entry = (key: Reference, value: KeyPackageRecord.State)

    private mutating func planPool(
        _ pool: [Entry], _ count: KeyPackageCount, wanted: Int, _ lifetime: UInt64, at now: UInt64
    ) {
        let unpublished = pool.filter { !$0.value.isPublished }.map(\.key)
        publish += unpublished
        // Before all of them are over there are others: as if the relay had none. It does so too where this device has
        // no secrets of what the relay has.
        let isStale = !pool.contains { Self.isFresh($0.value, lifetime, at: now) }
        let there = isStale ? 0 : Int(count.count)
        newCount = max(0, wanted - there - unpublished.count)
    }

    private mutating func planLastResort(
        _ all: [Entry], _ count: KeyPackageCount, used: SequenceNumber, _ lifetime: UInt64, at now: UInt64
    ) {
        if let unpublished = all.first(where: { !$0.value.isPublished }) {
            publishLastResort = unpublished.key
            return
        }
        let isThere = all.contains { $0.value.sequenceNumber > used && Self.isFresh($0.value, lifetime, at: now) }
        needsLastResort = !isThere || !count.hasLastResort
    }

    /// Whether it can be used for half of a new one's time yet.
    private static func isFresh(_ state: KeyPackageRecord.State, _ lifetime: UInt64, at now: UInt64) -> Bool {
        state.notAfter > now && state.notAfter - now >= lifetime / 2
    }
}
