public import MLSCodec
import MLSCrypto
public import MLSPublicGroup
import TLSPresentation

/// A group that another one goes on from, as much of it as the check of the new one needs. RFC 9420 sections 11.2, 11.3.
struct Predecessor {
    let usage: ResumptionPSKUsage
    let groupID: [UInt8]
    /// The epoch whose members the new group has: after the ReInit, or when the branch was made.
    let epoch: UInt64
    /// Of the new group.
    let suite: CipherSuite
    /// Of the new group; nil for any.
    let newGroupID: [UInt8]?
    /// Of the new group; nil for any.
    let extensions: [Extension]?
    /// Of the old group's members.
    let identities: Set<[UInt8]>

    /// Whether a Welcome's GroupInfo and PSKs are those of a group that goes on from this one.
    func check(_ group: PublicGroup, _ psks: [PreSharedKeyID]) throws(GroupError) {
        let rule: (parameters: ValidationRule, members: ValidationRule) =
            usage == .reinit ? (.reInitParameters, .reInitMembers) : (.branchParameters, .branchMembers)
        // "verify that the epoch field in the GroupInfo is equal to 1."
        guard group.groupContext.epoch == 1 else { throw .refused(.welcomeEpoch) }
        guard group.groupContext.cipherSuite == suite,
            newGroupID ?? group.groupContext.groupID == group.groupContext.groupID,
            extensions ?? group.groupContext.extensions == group.groupContext.extensions
        else { throw .refused(rule.parameters) }
        let service = group.policy.authenticationService
        let identities = Set(group.roster.map { service.identity(of: $0.credential) })
        // A reinitialized group has all members, a branch some.
        guard usage == .reinit ? identities == self.identities : identities.isSubset(of: self.identities) else {
            throw .refused(rule.members)
        }
    }
}

extension JoinerSecrets {
    /// "If a PreSharedKeyID has type resumption with usage reinit or branch, verify that it is the only such PSK", and that
    /// the group is joined as what it says. RFC 9420 section 12.4.3.1.
    borrowing func checkResumption(_ predecessor: Predecessor?) throws(GroupError) {
        let successions = psks.compactMap { id -> (ResumptionPSKUsage, [UInt8], UInt64)? in
            guard case .resumption(let usage, let groupID, let epoch) = id.key, usage != .application else {
                return nil
            }
            return (usage, groupID, epoch)
        }
        guard successions.count < 2 else { throw .refused(.welcomeOnlyPSK) }
        guard let (usage, groupID, epoch) = successions.first else {
            guard let predecessor else { return }
            throw .refused(predecessor.usage == .reinit ? .reInitParameters : .branchParameters)
        }
        // Sections 11.2 and 11.3: who is not asked to go on from a group does not take such a PSK.
        guard let predecessor, predecessor.usage == usage, predecessor.groupID == groupID, predecessor.epoch == epoch
        else { throw .refused(usage == .reinit ? .pskReInitUsage : .pskBranchUsage) }
    }
}

/// Going on from a group with another one. RFC 9420 sections 11.2 and 11.3.
extension Group {
    /// The group that a committed ReInit asks for, with all members of this one, and what they get.
    ///
    /// This group stays as it is; it takes no more messages.
    /// - Parameters:
    ///   - keyPackages: of all other members, of the ReInit's suite.
    ///   - identity: of the new group, where its suite has another signature scheme; nil for the same.
    ///   - hasTreeInWelcome: see `CommitOptions`.
    /// - Throws: `12.1.5-version` where the ReInit asks for another version, `11.2-members` where `keyPackages` are not
    ///   those of the members.
    public mutating func reinitialized(
        keyPackages: [KeyPackage], identity: ClientIdentity? = nil, lifetime: Lifetime, hasTreeInWelcome: Bool = true
    ) throws(GroupError) -> NewGroup {
        guard let reInit = publicGroup.reInit else { throw .refused(.reInitParameters) }
        guard reInit.version == .mls10 else { throw .refused(.reInitVersion) }
        return try successor(
            usage: .reinit, groupID: reInit.groupID, suite: reInit.cipherSuite, extensions: reInit.extensions,
            keyPackages: keyPackages, identity: identity ?? self.identity, lifetime: lifetime,
            hasTreeInWelcome: hasTreeInWelcome)
    }

    /// A group with some of the members of this one, and what they get.
    /// - Parameter hasTreeInWelcome: see `CommitOptions`.
    public mutating func branched(
        groupID: [UInt8], extensions: [Extension] = [], keyPackages: [KeyPackage], lifetime: Lifetime,
        hasTreeInWelcome: Bool = true
    ) throws(GroupError) -> NewGroup {
        try checkIsActive()
        return try successor(
            usage: .branch, groupID: groupID, suite: suite, extensions: extensions, keyPackages: keyPackages,
            identity: identity, lifetime: lifetime, hasTreeInWelcome: hasTreeInWelcome)
    }

    /// The group that somebody else made by a ReInit of this one. RFC 9420 section 11.2.
    /// - Parameter knownGroupIDs: the groups that one is in already, see `init(joining:)`.
    public mutating func joinReinitialized(
        _ welcome: [UInt8], keyPackages: [KeyPackageSecrets], ratchetTree: RatchetTree? = nil,
        identity: ClientIdentity? = nil, knownGroupIDs: Set<[UInt8]> = []
    ) throws(GroupError) -> Group {
        guard let reInit = publicGroup.reInit else { throw .refused(.reInitParameters) }
        return try join(
            welcome, keyPackages, ratchetTree, identity ?? self.identity, knownGroupIDs,
            predecessor(.reinit, suite: reInit.cipherSuite, groupID: reInit.groupID, extensions: reInit.extensions))
    }

    /// A branch of this group that somebody else made. RFC 9420 section 11.3.
    /// - Parameter knownGroupIDs: the groups that one is in already, beside this one.
    public mutating func joinBranch(
        _ welcome: [UInt8], keyPackages: [KeyPackageSecrets], ratchetTree: RatchetTree? = nil,
        knownGroupIDs: Set<[UInt8]> = []
    ) throws(GroupError) -> Group {
        try join(
            welcome, keyPackages, ratchetTree, identity, knownGroupIDs.union([groupID]),
            predecessor(.branch, suite: suite, groupID: nil, extensions: nil))
    }

    private func join(
        _ welcome: [UInt8], _ keyPackages: [KeyPackageSecrets], _ ratchetTree: RatchetTree?,
        _ identity: ClientIdentity, _ knownGroupIDs: Set<[UInt8]>, _ predecessor: Predecessor
    ) throws(GroupError) -> Group {
        try Group(
            joining: welcome, keyPackages: keyPackages, ratchetTree: ratchetTree, identity: identity,
            psks: OwnPreSharedKey(groupID: groupID, epoch: epoch, psk: ownPSK), knownGroupIDs: knownGroupIDs,
            predecessor: predecessor, configuration: configuration)
    }

    private func predecessor(
        _ usage: ResumptionPSKUsage, suite: CipherSuite, groupID: [UInt8]?, extensions: [Extension]?
    ) -> Predecessor {
        let service = configuration.policy.authenticationService
        return Predecessor(
            usage: usage, groupID: self.groupID, epoch: epoch, suite: suite, newGroupID: groupID,
            extensions: extensions, identities: Set(publicGroup.roster.map { service.identity(of: $0.credential) }))
    }

    /// The epoch's resumption PSK.
    private var ownPSK: SharedSecret { secrets.resumptionPSK.withBytes { SharedSecret(copying: $0) } }

    private mutating func successor(
        usage: ResumptionPSKUsage, groupID: [UInt8], suite: CipherSuite, extensions: [Extension],
        keyPackages: [KeyPackage], identity: ClientIdentity, lifetime: Lifetime, hasTreeInWelcome: Bool
    ) throws(GroupError) -> NewGroup {
        var group = try Group(
            creating: groupID, suite: suite, extensions: extensions, identity: identity, lifetime: lifetime,
            configuration: configuration)
        let id = PreSharedKeyID(
            .resumption(usage: usage, pskGroupID: self.groupID, pskEpoch: epoch),
            pskNonce: group.crypto.randomBytes(group.crypto.hashByteCount))
        var options = CommitOptions(
            keyPackages.map { .add(Add(keyPackage: $0)) } + [.psk(PreSharedKey(psk: id))])
        options.hasTreeInWelcome = hasTreeInWelcome
        let messages = try group.commit(
            options, resumption: usage, psks: OwnPreSharedKey(groupID: self.groupID, epoch: epoch, psk: ownPSK))
        // Nobody else is in the new group who could have committed: this is its first epoch with members.
        group.mergePendingCommit()
        try predecessor(
            usage, suite: suite, groupID: groupID, extensions: extensions
        ).check(group.publicGroup, [id])
        return NewGroup(group: group, messages: messages)
    }
}

/// The one PSK that a group which goes on from another one begins with.
private struct OwnPreSharedKey: PreSharedKeyStore {
    let groupID: [UInt8]
    let epoch: UInt64
    let psk: SharedSecret

    func externalPSK(_ id: [UInt8]) -> SecretBytes? { nil }
    func resumptionPSK(groupID: [UInt8], epoch: UInt64) -> SecretBytes? {
        groupID == self.groupID && epoch == self.epoch ? SecretBytes(copying: psk.bytes) : nil
    }
}
