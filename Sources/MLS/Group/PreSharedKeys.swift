public import MLSCrypto

/// Where a member finds pre-shared keys that its group does not have by itself. RFC 9420 section 8.4.
public protocol PreSharedKeyStore {
    /// The external PSK of that name; nil where it is not known.
    func externalPSK(_ id: [UInt8]) -> SecretBytes?

    /// The resumption PSK of another group's epoch: `Group.resumptionPSK` there; nil where it is not known.
    func resumptionPSK(groupID: [UInt8], epoch: UInt64) -> SecretBytes?
}

/// No PSKs but those of the group itself.
public struct NoPreSharedKeys: PreSharedKeyStore {
    public init() {}
    public func externalPSK(_ id: [UInt8]) -> SecretBytes? { nil }
    public func resumptionPSK(groupID: [UInt8], epoch: UInt64) -> SecretBytes? { nil }
}
