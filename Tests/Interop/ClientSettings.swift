import MLSCodec

/// What `set` sets, of one client.
struct ClientSettings {
    var sendsPublicMessages = true
    /// Whether the tree is in Welcomes and GroupInfos, and not beside them.
    var hasTreeInline = true
    var paddingByteCount = 0
    var authenticatedData: [UInt8] = []
    var maxPastEpochCount = 3
    /// 0 for one without an end.
    var lifetimeSeconds: UInt64 = 90 * 86_400
    var keepsKeyPackages = false
    var extensionTypes: Set<ExtensionType> = []
    var proposalTypes: Set<ProposalType> = [.selfRemove]
    /// Nil as long as nobody has set any: a leaf keeps those that it has then.
    var leafExtensions: [Extension]?
    var keyPackageExtensions: [Extension] = []

    /// Of leaves that are made at `now`, in seconds since 1970.
    func lifetime(at now: UInt64) -> Lifetime {
        guard lifetimeSeconds > 0 else { return Lifetime(notBefore: 0, notAfter: .max) }
        let begin = now - 3600
        let (end, isWithoutEnd) = begin.addingReportingOverflow(lifetimeSeconds)
        return Lifetime(notBefore: begin, notAfter: isWithoutEnd ? .max : end)
    }
}
