import RelayStore

extension TestRelay {
    /// What differs between the stored tables and those that the logs alone lead to. S0-5.
    public var rebuildFindings: [String] {
        get throws {
            var findings: [String] = []
            let rebuilder = try StoreRebuilder(store) { findings.append($0.description) }
            _ = try rebuilder.rebuild()
            return findings
        }
    }
}
