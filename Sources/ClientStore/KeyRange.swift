/// The keys from `lower` on and before `upper`, in the order of their bytes.
struct KeyRange: Hashable {
    /// The first key that is in it, if there is one like it.
    let lower: [UInt8]
    /// The first key that is behind it; nil if none is.
    let upper: [UInt8]?

    /// The keys that begin with `prefix`, and stand behind `after` and before `before` where these are given.
    init(prefix: [UInt8], after: [UInt8]? = nil, before: [UInt8]? = nil) {
        // Nothing stands between a key and the same with a zero behind it.
        let next = after.map { $0 + [0] } ?? []
        lower = Self.isOrdered(prefix, next) ? next : prefix
        guard let end = Self.successor(of: prefix) else {
            upper = before
            return
        }
        upper = before.map { Self.isOrdered($0, end) ? $0 : end } ?? end
    }

    /// Whether a key is in it.
    func contains(_ key: some Collection<UInt8>) -> Bool { !Self.isOrdered(key, lower) && !isBefore(key) }

    /// Whether all of it stands before a key.
    private func isBefore(_ key: some Collection<UInt8>) -> Bool {
        guard let upper else { return false }
        return !Self.isOrdered(key, upper)
    }

    /// The first key behind all that begin with `prefix`; nil where there is none.
    private static func successor(of prefix: [UInt8]) -> [UInt8]? {
        guard let last = prefix.lastIndex(where: { $0 != 0xff }) else { return nil }
        return prefix[..<last] + [prefix[last] + 1]
    }

    /// Whether `first` stands before `second` in LMDB's order.
    private static func isOrdered(_ first: some Collection<UInt8>, _ second: some Collection<UInt8>) -> Bool {
        first.lexicographicallyPrecedes(second)
    }
}
