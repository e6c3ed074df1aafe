public import MLSCodec
public import MLSCrypto
public import MLSPublicGroup
import TLSPresentation

/// A member's side of a group. RFC 9420.
///
/// One value, in one place: a copy would keep keys that section 9.2 deletes. Nothing that is made or received changes the
/// epoch; a Commit is staged and then merged (section 14). After a throw the group is as it was, but that a message of
/// one's own may have used up its key. One thread at a time.
///
/// Invariant: `publicGroup` is the group as everybody sees it in this epoch; `privateKeys` match its tree; `secrets` and
/// `secretTree` are the epoch's.
public struct Group: ~Copyable {
    /// The group as everybody sees it: context, tree, roster, pending proposals.
    public internal(set) var publicGroup: PublicGroup
    public internal(set) var identity: ClientIdentity
    /// May be changed at any time; what it says of past epochs takes effect with the next Commit.
    public var configuration: GroupConfiguration {
        didSet { publicGroup.policy = configuration.policy }
    }
    var privateKeys: TreeKEMPrivateKeys
    var secrets: EpochSecrets
    var secretTree: SecretTree
    var crypto: CipherSuiteContext
    /// Newest first.
    var pastEpochs: [PastEpoch] = []
    /// Of past epochs, oldest first. RFC 9420 section 8.6.
    var resumptionPSKs: [(epoch: UInt64, psk: SharedSecret)] = []
    /// What goes with one's own Update proposals of this epoch, by their leaf's encryption key.
    var pendingUpdates: [[UInt8]: PendingUpdate] = [:] {
        didSet { saved.isGroupSaved = false }
    }
    /// One's own Commit that is not merged yet.
    var pendingCommit: PendingCommit? {
        didSet { saved.isPendingCommitSaved = false }
    }
    /// What the store has of all this.
    var saved = SavedState()
    /// Whether a Commit that was merged removed this member.
    public internal(set) var isRemoved = false

    init(
        _ publicGroup: PublicGroup, identity: ClientIdentity, configuration: GroupConfiguration,
        privateKeys: TreeKEMPrivateKeys, secrets: consuming EpochSecrets, crypto: consuming CipherSuiteContext
    ) {
        var secrets = secrets
        guard let encryptionSecret = secrets.takeEncryptionSecret() else {
            preconditionFailure("secrets of an epoch that begins")
        }
        secretTree = SecretTree(
            encryptionSecret: encryptionSecret, leafCount: publicGroup.tree.leafCount,
            limits: configuration.messageKeyLimits)
        self.publicGroup = publicGroup
        self.identity = identity
        self.configuration = configuration
        self.privateKeys = privateKeys
        self.secrets = secrets
        self.crypto = crypto
    }

    // MARK: State

    public var groupID: [UInt8] { publicGroup.groupContext.groupID }
    public var epoch: UInt64 { publicGroup.groupContext.epoch }
    public var suite: CipherSuite { publicGroup.groupContext.cipherSuite }
    public var groupContext: GroupContext { publicGroup.groupContext }

    /// One's own leaf in this epoch.
    public var ownLeaf: LeafIndex { privateKeys.leaf }

    /// Whether the group still takes messages from this member: not once it was removed, or the group reinitialized.
    public var isActive: Bool { !isRemoved && publicGroup.reInit == nil }

    /// Whether a Commit of one's own waits to be merged or discarded.
    public var hasPendingCommit: Bool { pendingCommit != nil }

    /// What everybody will see of one's own Commit that waits; nil where none does.
    public var pendingPublicCommit: StagedPublicCommit? {
        switch pendingCommit {
        case .some(let pending): pending.staged.publicCommit
        case .none: nil
        }
    }

    /// The epoch authenticator of the epoch that one's own waiting Commit begins; nil where none waits.
    public var pendingEpochAuthenticator: [UInt8]? {
        switch pendingCommit {
        case .some(let pending): pending.staged.epochAuthenticator
        case .none: nil
        }
    }

    /// What all members of the epoch have in common, to compare out of band. RFC 9420 section 8.7.
    public var epochAuthenticator: [UInt8] { secrets.epochAuthenticator.withBytes { [UInt8]($0) } }

    /// A secret for the application's own use, which only the epoch's members know. RFC 9420 section 8.5.
    /// - Precondition: `byteCount` is at most 255 times the suite's hash, and at most 65535.
    public mutating func export(label: String, context: [UInt8], byteCount: Int) -> SecretBytes {
        secrets.export(label: label, context: context.rawSpan, byteCount: byteCount, crypto: &crypto)
    }

    /// What proves to another group that one was in this epoch. RFC 9420 section 8.6.
    /// - Parameter epoch: this one, or one of the last `maxResumptionPSKCount`.
    /// - Returns: nil where it is not known any more; a member that was removed knows none.
    public func resumptionPSK(epoch: UInt64) -> SecretBytes? {
        if isRemoved { return nil }
        if epoch == self.epoch { return secrets.resumptionPSK.withBytes { SecretBytes(copying: $0) } }
        guard let psk = resumptionPSKs.first(where: { $0.epoch == epoch })?.psk else { return nil }
        return SecretBytes(copying: psk.bytes)
    }

    /// What messages of this epoch have in common.
    var framing: FramingContext {
        FramingContext(groupID: groupID, epoch: epoch, groupContext: publicGroup.encodedGroupContext)
    }

    /// - Throws: `12.4.2-removed`, `12.4.2-reinit` where no more messages may be sent or received.
    func checkIsActive() throws(GroupError) {
        if isRemoved { throw .refused(.removedFromGroup) }
        if publicGroup.reInit != nil { throw .refused(.reInitialized) }
    }
}

/// What becomes of one's leaf once somebody commits one's Update. RFC 9420 section 12.1.2.
struct PendingUpdate: Sendable {
    let leafKey: HPKEPrivateKey
    let identity: ClientIdentity
}

/// A Commit of one's own that waits for the Delivery Service.
struct PendingCommit: ~Copyable {
    let staged: StagedCommit
    /// The Commit as it was signed, from which `staged` can be made again.
    let content: AuthenticatedContent
    /// The encoded MLSMessage that it was sent in.
    let message: [UInt8]
}
