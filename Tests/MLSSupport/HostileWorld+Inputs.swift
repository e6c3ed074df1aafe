import MLS
import MLSCodec
import MLSPublicGroup
import TLSPresentation

/// What an input of the fuzzer `process` is.
extension HostileWorld {
    /// The first byte says what is changed, the others how.
    package func run(_ input: [UInt8]) {
        guard let kind = input.first else { return }
        randomness.restart(2)
        do {
            try run(kind, Edits(input.dropFirst()), raw: Array(input.dropFirst()))
        } catch {
            // The forger's own group takes nothing of the sort, so that there is no such message.
            _ = "\(error)"
        }
    }

    private func run(_ kind: UInt8, _ edit: Edits, raw: [UInt8]) throws {
        switch kind % 32 {
        // On its way: nobody has the keys.
        case 0..<6: try deliver(edited(messages[Int(kind % 32)], edit))
        case 6: welcomeNewcomer(edited(welcome, edit))
        case 7: joinExternally(edited(groupInfo, edit))
        case 8: try add(edited(keyPackage, edit))
        case 9: try deliver(raw)

        // By a member: what it signs, tags and encrypts is right, and what is in there is not.
        case 10..<20: try forge(kind % 32, edit)
        case 20..<26: try forgeForNewcomer(kind % 32, edit)
        case 26: try deliver(signedByNewcomer(edit))
        case 27: try deliver(signedByNewcomer(edit, isCommit: false))
        default: welcomeNewcomer(raw)
        }
    }

    private func edited(_ bytes: [UInt8], _ edit: Edits) -> [UInt8] {
        var bytes = bytes
        edit(&bytes)
        return bytes
    }

    /// `value` with its encoding changed; as it was where that is no encoding.
    private func edited<Value: TLSCodable>(_ value: Value, _ edit: Edits) -> Value {
        (try? Value(decoding: edited(value.encoded, edit))) ?? value
    }

    private func forge(_ kind: UInt8, _ edit: Edits) throws {
        var changes = CommitChanges()
        var privateChanges = Forger.PrivateChanges()
        let proposals = [
            newcomer.add, .proposal(.remove(Remove(removed: LeafIndex(4)))),
            .proposal(.groupContextExtensions(GroupContextExtensions(extensions: []))),
            .proposal(.psk(PreSharedKey(psk: forger.psk(.external(pskID: [1]), secret: []).id))),
        ]
        switch kind {
        case 10:
            privateChanges.plaintext = { edit(&$0) }
            try deliver(forger.application("hello", generation: 0, privateChanges))
        case 11:
            privateChanges.encodedSenderData = { edit(&$0) }
            try deliver(forger.application("hello", generation: 0, privateChanges))
        case 12:
            privateChanges.plaintext = { edit(&$0) }
            let commit = try forger.commit(proposals, wireFormat: .mlsPrivateMessage).content
            try deliver(forger.sealPrivate(commit, generation: 0, privateChanges))
        case 13:
            // The proposals of a Commit that is right for all else.
            let list = edited(Commit(proposals: proposals, path: nil), edit).proposals
            try deliver(forger.commit(list).message)
        case 14:
            changes.leafNode = { $0 = self.edited($0, edit) }
            try deliver(forger.commit(changes: changes).message)
        case 15:
            changes.path = { $0 = self.edited($0, edit) }
            try deliver(forger.commit(changes: changes).message)
        case 16:
            changes.content = { $0 = self.edited($0, edit) }
            try deliver(forger.commit([proposals[1]], changes: changes).message)
        case 17:
            changes.pathSecret = { _, secret in edit(&secret) }
            try deliver(forger.commit(changes: changes).message)
        case 18:
            let update = try forger.client.leafNode(.update, groupID: forger.groupID, leaf: forger.leaf) {
                $0.encryptionKey = self.newcomer.keyPackage.keyPackage.initKey
                $0 = self.edited($0, edit)
            }
            try deliver(forger.proposal(.update(Update(leafNode: update))))
        default:
            var content = forger.content(.proposal(.add(Add(keyPackage: newcomer.keyPackage.keyPackage))))
            content = edited(content, edit)
            try deliver(forger.seal(forger.sign(content)))
        }
    }

    private func forgeForNewcomer(_ kind: UInt8, _ edit: Edits) throws {
        var changes = CommitChanges()
        switch kind {
        case 20: changes.groupInfo = { $0 = self.edited($0, edit) }
        case 21: changes.encodedGroupSecrets = { edit(&$0) }
        case 22: changes.welcome = { $0 = self.edited($0, edit) }
        case 23: changes.groupInfo = { self.editTree(of: &$0, edit) }
        case 24:
            joinExternally(MLSMessage.groupInfo(try forger.groupInfo { $0 = self.edited($0, edit) }).encoded)
            return
        default:
            joinExternally(MLSMessage.groupInfo(try forger.groupInfo { self.editTree(of: &$0, edit) }).encoded)
            return
        }
        welcomeNewcomer(try forger.commit([newcomer.add], changes: changes).welcome ?? [])
    }

    /// Changes the tree in a GroupInfo, and its hash along with it.
    private func editTree(of groupInfo: inout GroupInfo, _ edit: Edits) {
        guard let position = groupInfo.extensions.firstIndex(where: { $0.extensionType == .ratchetTree }),
            let tree = try? groupInfo.extensions[position].body(RatchetTree.self)
        else { return }
        let changed = edited(tree, edit)
        groupInfo.extensions[position] = Extension(changed)
        if var tree = try? GroupTree(changed, suite: Self.suite) { groupInfo.groupContext.treeHash = tree.treeHash() }
    }

    /// What the newcomer says by itself: an external Commit, or that it wants to be added.
    private func signedByNewcomer(_ edit: Edits, isCommit: Bool = true) throws -> [UInt8] {
        var content = externalCommit
        if !isCommit {
            content.sender = .newMemberProposal
            content.content = .proposal(.add(Add(keyPackage: newcomer.keyPackage.keyPackage)))
        }
        content = edited(content, edit)
        let signed = FramedContentTBS(
            wireFormat: .mlsPublicMessage, content: content, context: forger.group.encodedGroupContext)
        let auth = FramedContentAuthData(
            signature: try newcomerClient.sign(FramedContentTBS.label, signed),
            confirmationTag: content.contentType == .commit ? forger.group.confirmationTag : nil)
        return forger.sealPublic(
            AuthenticatedContent(wireFormat: .mlsPublicMessage, content: content, auth: auth))
    }
}
