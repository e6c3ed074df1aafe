import MLS
import MLSCodec
import MLSCrypto
import MLSPublicGroup
import MLSTestSupport
import TLSPresentation
import TestSupport
import Testing

/// Proposals and Commits.
extension GroupSimulation {
    // MARK: Proposals

    func proposeSomething() throws {
        guard let proposer = members.randomElement(using: &random) else { return }
        let member = proposer.member
        let message: [UInt8]
        switch random.next(upTo: 13) {
        case ..<5:
            note("update", "of \(proposer.name)")
            let identity = random.chance(0.3) ? try Device.identity(proposer.name, suite: plan.suite) : nil
            message = try member.proposeUpdate(identity)
        case ..<7:
            guard members.count < plan.maxMemberCount else { return }
            let device = try candidate()
            guard isWelcome(device) else { return outside.append(device) }
            note("add", "by \(proposer.name)")
            message = try member.propose(apply(device).add)
            // It may be added, or proposed again later.
            outside.append(device)
        case 7:
            guard let other = members.randomElement(using: &random), members.count > 3 else { return }
            note("remove", "\(other.name) by \(proposer.name)")
            message = try member.propose(.remove(Remove(removed: other.member.leaf)))
        case 8:
            guard members.count > 3, selfRemoves[member.leaf] == nil else { return }
            note("self-remove", "of \(proposer.name)")
            message = try member.propose(.selfRemove)
            selfRemoves[member.leaf] = message
        case ..<11:
            note("psk", "by \(proposer.name)")
            message = try member.propose(externalPSK(member))
        case 11:
            note("unfit proposal", "by \(proposer.name)")
            hasUnfitProposals = true
            message = try member.propose(unfitProposal())
        default:
            note("extensions", "by \(proposer.name)")
            message = try member.propose(extensions([.requiredCapabilities]))
        }
        for participant in members.shuffled(using: &random) where participant !== proposer {
            if random.chance(0.05) { try expectRefusal(ofChanged: message, by: participant) }
            try participant.member.receiveProposal(message)
        }
        try follow(message)
    }

    /// What is valid by itself, and nobody can commit, or maybe nobody.
    private func unfitProposal() throws -> Proposal {
        switch random.next(upTo: 3) {
        case 0:
            guard let other = random.pick(members) else { return .selfRemove }
            var device = other.member.device
            device.identity = other.member.group.identity
            return try apply(device).add
        case 1: return extensions([Self.customType])
        default: return members[0].member.group.preSharedKeyProposal(.external(pskID: [99]))
        }
    }

    private func externalPSK(_ member: GroupMember) -> Proposal {
        member.group.preSharedKeyProposal(.external(pskID: [UInt8(random.next(upTo: 3)) + 1]))
    }

    private func extensions(_ types: [ExtensionType]) -> Proposal {
        let extensions = types.map { type in
            type == .requiredCapabilities
                ? Extension(RequiredCapabilities(proposalTypes: [.selfRemove], credentialTypes: [.basic]))
                : Extension(extensionType: type, extensionData: [UInt8(random.next(upTo: 256))])
        }
        return .groupContextExtensions(GroupContextExtensions(extensions: extensions))
    }

    private func expectRefusal(ofChanged message: [UInt8], by participant: Participant) throws {
        guard let changed = changes(of: message, every: message.count / 5).randomElement(using: &random) else { return }
        let before = participant.member.snapshot
        let error = refusal { try participant.member.group.process(changed, psks: participant.member.device.psks) }
        guard error != nil, participant.member.snapshot == before else {
            throw Mismatch(description: "\(participant.name) took a changed message")
        }
    }

    // MARK: Commits

    func commitSomething() throws {
        guard let committer = members.randomElement(using: &random) else { return }
        let options = try commitOptions(for: committer)
        if random.chance(0.05) {
            note("commit discarded", "by \(committer.name)")
            _ = try committer.member.commit(options)
            committer.member.group.discardPendingCommit()
        }
        try commit(by: committer, options)
    }

    /// What somebody commits: a choice of what was proposed, and more by value.
    private func commitOptions(for committer: Participant) throws -> CommitOptions {
        let member = committer.member
        // What can be left out then is for the group to know.
        if hasUnfitProposals { return CommitOptions() }
        var chosen = member.group.committableProposals.filter { _ in random.chance(0.8) }
        var options = CommitOptions()
        var removed: Set<LeafIndex> = []
        var added: Set<[UInt8]> = []
        for queued in chosen {
            switch (queued.proposal, queued.sender) {
            case (.remove(let remove), _): removed.insert(remove.removed)
            case (.selfRemove, .member(let leaf)): removed.insert(leaf)
            case (.add(let add), _): added.insert(add.keyPackage.leafNode.signatureKey)
            default: break
            }
        }
        if random.chance(0.3), let other = members.randomElement(using: &random), other !== committer,
            members.count - removed.count > 2, removed.insert(other.member.leaf).inserted
        {
            chosen.removeAll { $0.sender == .member(other.member.leaf) && $0.proposal.changesSender }
            options.proposals.append(.remove(Remove(removed: other.member.leaf)))
            // In the same Commit that one may come back.
            var device = other.member.device
            device.identity = other.member.group.identity
            if random.chance(0.2) { options.proposals.append(try apply(device).add) }
        }
        while random.chance(0.35), members.count + options.proposals.count < plan.maxMemberCount {
            let device = try candidate()
            let key = device.identity.signingKey.publicKey.bytes
            if isWelcome(device), added.insert(key).inserted {
                options.proposals.append(try apply(device).add)
            } else {
                outside.append(device)
                break
            }
        }
        try addMore(to: &options, beside: chosen, member)
        options.references = chosen.compactMap(\.ref)
        options.forcesPath = random.chance(0.6)
        options.hasTreeInWelcome = random.chance(0.7)
        options.authenticatedData = random.chance(0.2) ? [1, 2, 3] : []
        options.makesGroupInfo = random.chance(0.2)
        if !plan.isPublic { options.framing = random.pick([nil, .publicMessage, .privateMessage]) ?? nil }
        if random.chance(0.1) { options.identity = try Device.identity(committer.name, suite: plan.suite) }
        return options
    }

    /// PSKs and extensions by value.
    private func addMore(
        to options: inout CommitOptions, beside chosen: [QueuedProposal], _ member: GroupMember
    ) throws {
        let types = Set(chosen.map(\.proposal.proposalType) + options.proposals.map(\.proposalType))
        if random.chance(0.2) { options.proposals.append(externalPSK(member)) }
        if random.chance(0.2), !types.contains(.add), let epoch = sharedEpoch() {
            // Who joins does not have it.
            note("resumption psk", "of epoch \(epoch)")
            options.proposals.append(
                member.group.preSharedKeyProposal(
                    .resumption(
                        usage: .application, pskGroupID: member.groupContext.groupID, pskEpoch: epoch)))
        }
        if random.chance(0.15), types.isDisjoint(with: [.add, .groupContextExtensions, .remove, .selfRemove]) {
            try addExtensions(to: &options, member)
        }
    }

    /// An epoch that all members were in.
    private func sharedEpoch() -> UInt64? {
        let first = members.map(\.firstEpoch).max() ?? 0
        let now = members[0].member.epoch
        return UInt64.random(in: max(first, now > 32 ? now - 32 : 0)...now, using: &random)
    }

    /// New extensions of the group, where all members know them; else they are refused.
    private func addExtensions(to options: inout CommitOptions, _ member: GroupMember) throws {
        let types = random.pick([
            [], [.requiredCapabilities], [Self.customType], [Self.customType, .requiredCapabilities],
        ])
        guard let types else { return }
        let proposal = extensions(types)
        // The slow way to know.
        let tree = member.publicGroup.tree
        let isKnownToAll = tree.members.allSatisfy { leaf in
            tree.leafNode(at: leaf)?.capabilities.extensions.contains(Self.customType) == true
        }
        if !types.contains(Self.customType) || isKnownToAll {
            note("new extensions", "\(types)")
            options.proposals.append(proposal)
        } else {
            note("unknown extensions")
            var refused = CommitOptions([proposal])
            refused.references = []
            guard refusal({ try member.commit(refused) }) != nil else {
                throw Mismatch(description: "extensions that not all members know")
            }
        }
    }

    /// A Commit, maybe somebody else's at the same time, and what comes of it.
    func commit(by committer: Participant, _ options: CommitOptions) throws {
        let messages = try committer.member.commit(options)
        var losers: [(participant: Participant, commit: [UInt8])] = []
        if random.chance(0.25), let other = members.randomElement(using: &random), other !== committer {
            note("lost race", "of \(other.name)")
            losers.append((other, try other.member.commit(CommitOptions()).commit))
        }
        note(
            "commit",
            "by \(committer.name): \(options.proposals.map(\.proposalType)), \(options.references?.count ?? 0) by reference"
        )
        for loser in losers {
            try follow(loser.commit, isAccepted: false)
            guard let watcher = members.randomElement(using: &random) else { continue }
            if watcher !== loser.participant { _ = try watcher.member.stage(loser.commit) }
        }
        let staged = try accept(messages.commit, from: committer)
        for loser in losers where loser.participant.member.isActive {
            guard refusal({ try loser.participant.member.follow(loser.commit) }) == .refused(.commitEpoch) else {
                throw Mismatch(description: "a Commit that was lost")
            }
        }
        try welcome(staged, messages)
        try endEpoch(messages.commit)
        if let groupInfo = messages.groupInfo, random.chance(0.3) { try joinExternally(groupInfo) }
    }

    /// Everybody gets the Commit that won.
    private func accept(_ commit: [UInt8], from committer: Participant?) throws -> StagedPublicCommit {
        try follow(commit)
        var result: StagedPublicCommit?
        for participant in members.shuffled(using: &random) {
            if random.chance(0.1) { try deliver(to: participant, all: false) }
            if participant === committer {
                result = try participant.member.follow(commit)
                continue
            }
            // Nothing but the next epoch's secrets tells whether an external Commit's confirmation tag is right, and who
            // is removed does not get them.
            let canTell = try committer != nil || !isRemoved(participant, by: commit)
            if canTell, random.chance(0.1) { try expectRefusal(ofChanged: commit, by: participant) }
            if random.chance(0.15) {
                note("staged commit dropped", "by \(participant.name)")
                let before = participant.member.snapshot
                _ = try participant.member.stage(commit)
                guard participant.member.snapshot == before else {
                    throw Mismatch(description: "\(participant.name) was changed by a Commit that it dropped")
                }
            }
            let staged = try participant.member.follow(commit)
            result = result ?? staged
        }
        guard let result else { throw Mismatch(description: "nobody got a Commit") }
        return result
    }

    private func isRemoved(_ participant: Participant, by commit: [UInt8]) throws -> Bool {
        let staged = try participant.member.stage(commit)
        return staged.removesThisMember
    }

    /// Those who were added join.
    private func welcome(_ staged: StagedPublicCommit, _ messages: CommitMessages) throws {
        leave()
        for (leaf, keyPackage) in staged.added {
            let key = keyPackage.leafNode.signatureKey
            guard let applicant = applicants[key], let welcome = messages.welcome,
                case .basic(let name) = applicant.device.identity.credential
            else { throw Mismatch(description: "somebody was added whom nobody knows") }
            let joined = try applicant.joins(welcome, ratchetTree: messages.ratchetTree)
            guard joined.leaf == leaf else { throw Mismatch(description: "a joiner has another leaf") }
            note("joined", String(decoding: name, as: UTF8.self))
            members.append(Participant(String(decoding: name, as: UTF8.self), joined))
            outside.removeAll { $0.identity.signingKey.publicKey.bytes == key }
        }
    }

    /// Those who were removed are not among the members any more.
    private func leave() {
        for participant in members where !participant.member.isActive {
            note("left", participant.name)
            former.append(participant.member)
            var device = participant.member.device
            device.identity = participant.member.group.identity
            outside.append(device)
        }
        members.removeAll { !$0.member.isActive }
    }

    private func endEpoch(_ commit: [UInt8]) throws {
        selfRemoves = [:]
        applicants = [:]
        hasUnfitProposals = false
        try checkEpoch()
        try checkFormer(cannotRead: commit)
        if random.chance(0.3) { try startFollowing() }
    }

    // MARK: External Commits

    func joinExternally(_ groupInfo: [UInt8]? = nil) throws {
        guard members.count < plan.maxMemberCount, let informer = members.randomElement(using: &random) else { return }
        let device = try candidate()
        guard isWelcome(device) else { return outside.append(device) }
        var options = ExternalCommitOptions()
        if groupInfo == nil, random.chance(0.7) { options.proposals = sortedSelfRemoves() }
        // Somebody has to be there who lets the joiner in.
        if options.proposals.count >= members.count { options.proposals = [] }
        if random.chance(0.2) { options.psks = [.external(pskID: [1])] }
        try joinExternally(device, groupInfo ?? informer.member.groupInfo(), options)
    }

    /// Somebody has lost its state and takes its own place.
    func resync() throws {
        guard let lost = members.randomElement(using: &random), members.count > 1 else { return }
        note("resync", lost.name)
        var device = lost.member.device
        device.identity = lost.member.group.identity
        var options = ExternalCommitOptions()
        options.replacedLeaf = lost.member.leaf
        options.proposals = selfRemoves.sorted { $0.key < $1.key }.filter { $0.key != lost.member.leaf }.map(\.value)
        if options.proposals.count + 1 >= members.count { options.proposals = [] }
        let groupInfo = try lost.member.groupInfo()
        try joinExternally(device, groupInfo, options)
        // The one who came back is not outside.
        outside.removeAll { $0.identity.signingKey.publicKey.bytes == device.identity.signingKey.publicKey.bytes }
    }

    private func sortedSelfRemoves() -> [[UInt8]] { selfRemoves.sorted { $0.key < $1.key }.map(\.value) }

    private func joinExternally(_ device: Device, _ groupInfo: [UInt8], _ options: ExternalCommitOptions) throws {
        guard case .basic(let identity) = device.identity.credential else { return }
        let name = String(decoding: identity, as: UTF8.self)
        let (joiner, messages) = try device.joinsExternally(groupInfo, options: options)
        if random.chance(0.15), let other = members.randomElement(using: &random) {
            note("external commit lost", name)
            try follow(messages.commit, isAccepted: false)
            if options.replacedLeaf == nil { outside.append(device) }
            var options = CommitOptions()
            options.references = []
            return try commit(by: other, options)
        }
        note("external commit", "of \(name), \(options.proposals.count) self-removes")
        _ = try accept(messages.commit, from: nil)
        leave()
        members.append(Participant(name, joiner))
        try endEpoch(messages.commit)
    }
}

extension Proposal {
    /// Whether it is about its sender.
    fileprivate var changesSender: Bool { proposalType == .update || proposalType == .selfRemove }
}
