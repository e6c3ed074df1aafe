import MLSCodec
import MLSCrypto
import RelayStore
import RelayWire
import TLSPresentation

/// What the relay itself says in an entry: a sentence for people, and its fields with PROTOCOL.md's names of them.
struct NoticeText {
    var what = ""
    var fields: [FieldTree] = []

    /// - Parameter name: the name of a client.
    /// - Returns: nil for an entry that is no notice, or of a kind that this program does not know.
    /// - Throws: `Damage` where the payload is not what its kind says.
    init?(_ entry: Entry, name: (ClientNumber) throws(StoreError) -> String) throws {
        let payload = entry.payload
        switch entry.header.kind {
        case .identity: describe(try Self.decode(IdentityNotice.self, payload))
        case .groupCreated: try describe(try Self.decode(GroupNotice.self, payload), name)
        case .keyPackageHandedOut: try describe(try Self.decode(KeyPackageNotice.self, payload), name)
        case .credentialIssued: try describe(try Self.decode(CredentialNotice.self, payload), name)
        case .keyRotated: try describe(try Self.decode(KeyRotationNotice.self, payload), name)
        case .clientRevoked: try describe(try Self.decode(RevocationNotice.self, payload), name)
        case .userSuspended: describe(try Self.decode(SuspensionNotice.self, payload))
        case .groupChanged: try describe(try Self.decode(GroupChangeNotice.self, payload), name)
        case .roleChanged: try describe(try Self.decode(RoleNotice.self, payload), name)
        case .commitVoided: try describe(try Self.decode(VoidNotice.self, payload), name)
        case .groupDeleted: try describe(try Self.decode(DeletionNotice.self, payload), name)
        case .memberChanged: try describe(try Self.decode(MemberChangeNotice.self, payload), name)
        case .invitation: describe(try Self.decode(InvitationNotice.self, payload))
        case .invitationAnswer: describe(try Self.decode(InvitationAnswerNotice.self, payload))
        case .removed: try describe(try Self.decode(RemovalNotice.self, payload), name)
        case .groupEmpty: describe(try Self.decode(EmptyNotice.self, payload))
        case .welcomeVoided: describe(try Self.decode(VoidedWelcomeNotice.self, payload))
        case .poolLow: describe(try Self.decode(LowPoolNotice.self, payload))
        case .lastResortUsed: try describe(try Self.decode(LastResortNotice.self, payload), name)
        case .credentialExpiring: describe(try Self.decode(ExpiryNotice.self, payload))
        case .keyPackageReserved: describe(try Self.decode(ReservationNotice.self, payload), "reserved")
        case .keyPackageReturned: describe(try Self.decode(ReservationNotice.self, payload), "returned")
        case .keyPackageExpired: describe(try Self.decode(KeyPackageExpiryNotice.self, payload))
        default: return nil
        }
    }

    /// The payload is not what its kind says.
    struct Damage: Error {
        let error: DecodingError
    }

    private static func decode<Notice: TLSDecodable>(_ type: Notice.Type, _ payload: [UInt8]) throws -> Notice {
        do throws(DecodingError) {
            return try Notice(decoding: payload)
        } catch {
            throw Damage(error: error)
        }
    }

    private typealias Name = (ClientNumber) throws(StoreError) -> String

    private mutating func add(_ name: String, _ number: some Identifier) {
        fields.append(FieldTree(name, .number(number.rawValue)))
    }
    private mutating func add(_ name: String, number: some UnsignedInteger) {
        fields.append(FieldTree(name, .number(UInt64(number))))
    }
    private mutating func add(_ name: String, _ bytes: [UInt8]) { fields.append(FieldTree(name, .bytes(bytes))) }
    private mutating func add(_ name: String, text: String) { fields.append(FieldTree(name, .text(text))) }
    private mutating func add(_ name: String, utf8 bytes: [UInt8]) {
        add(name, text: String(decoding: bytes, as: UTF8.self))
    }
    /// A client by its number, and by its name.
    private mutating func add(_ name: String, client: ClientNumber, _ nameOf: Name) throws(StoreError) -> String {
        let clientName = try nameOf(client)
        add(name, client)
        add(name + "_name", text: clientName)
        return clientName
    }

    // MARK: The directory

    private mutating func describe(_ notice: IdentityNotice) {
        let name = String(decoding: notice.identity.name, as: UTF8.self)
        what = "client \(notice.client) is \(name)"
        if !notice.clientName.isEmpty { what += "/\(String(decoding: notice.clientName, as: UTF8.self))" }
        add("client", notice.client)
        add("user", notice.user)
        add("name", text: name)
        add("scheme", text: notice.identity.scheme.description)
        add("signature_key", notice.identity.signatureKey)
        add("client_name", utf8: notice.clientName)
        add("admission", text: "\(notice.admission.type)")
        switch notice.admission {
        case .open: break
        case .token(let token): add("token", token)
        case .client(let client, _, _): add("admitted_by", client)
        }
    }

    private mutating func describe(_ notice: CredentialNotice, _ name: Name) throws(StoreError) {
        let client = try add("client", client: notice.client, name)
        what = "credential for \(client) until \(notice.notAfter.text)"
        add("serial", notice.serial)
        add("not_before", notice.notBefore)
        add("not_after", notice.notAfter)
        add("certificate_hash", notice.certificateHash.bytes)
    }

    private mutating func describe(_ notice: KeyRotationNotice, _ name: Name) throws(StoreError) {
        let client = try add("client", client: notice.client, name)
        what = "\(client) has another key, \(notice.identity.scheme)"
        add("scheme", text: notice.identity.scheme.description)
        add("signature_key", notice.identity.signatureKey)
    }

    private mutating func describe(_ notice: RevocationNotice, _ name: Name) throws(StoreError) {
        let client = try add("client", client: notice.client, name)
        let by = try add("by", client: notice.by, name)
        what = "client \(notice.client) (\(client)) is revoked by \(by): \(notice.reason)"
        add("reason", text: "\(notice.reason)")
    }

    private mutating func describe(_ notice: SuspensionNotice) {
        what = "user \(notice.user) is \(notice.isSuspended ? "suspended" : "admitted again")"
        add("user", notice.user)
        add("is_suspended", number: UInt8(notice.isSuspended ? 1 : 0))
    }

    // MARK: Groups

    private mutating func describe(_ notice: GroupNotice, _ name: Name) throws(StoreError) {
        let creator = try name(notice.creator)
        what = "group \(groupText(notice.groupID)) is log \(notice.log), by \(creator)"
        if notice.epoch.rawValue > 0 { what += ", in epoch \(notice.epoch)" }
        if notice.mode != .untracked { what += ", \(words("\(notice.mode)"))" }
        add("group_log", notice.log)
        add("group_id", notice.groupID)
        add("creator", notice.creator)
        add("creator_name", text: creator)
        add("epoch", notice.epoch)
        add("mode", text: "\(notice.mode)")
    }

    private mutating func describe(_ notice: GroupChangeNotice, _ name: Name) throws(StoreError) {
        let by = try add("by", client: notice.by, name)
        what = "\(by) names the group \(textOrHex(notice.name)), \(notice.policy.text)"
        add("name", utf8: notice.name)
        add("alias", utf8: notice.alias)
        fields.append(FieldTree("policy", .children(notice.policy.fields)))
    }

    private mutating func describe(_ notice: RoleNotice, _ name: Name) throws(StoreError) {
        let by = try add("by", client: notice.by, name)
        let user = String(decoding: notice.name, as: UTF8.self)
        what = "\(by) makes \(user) \(notice.role)"
        add("user", notice.user)
        add("name", text: user)
        add("role", text: "\(notice.role)")
    }

    private mutating func describe(_ notice: VoidNotice, _ name: Name) throws(StoreError) {
        let by = try notice.deniedBy.map { (client) throws(StoreError) in try name(client) }.joined(separator: ", ")
        what = "commit \(notice.sequenceNumber) is void, epoch \(notice.epoch) is open again"
        what += notice.deniedBy.isEmpty ? ", by an operator" : ", denied by \(by)"
        if !notice.text.isEmpty { what += ": \(textOrHex(notice.text))" }
        add("commit_seq", notice.sequenceNumber)
        add("epoch", notice.epoch)
        add("last_voided", notice.lastVoided)
        add("text", utf8: notice.text)
        fields.append(
            FieldTree(
                "denied_by",
                .children(notice.deniedBy.enumerated().map { FieldTree("\($0.offset)", .number($0.element.rawValue)) }))
        )
    }

    private mutating func describe(_ notice: DeletionNotice, _ name: Name) throws(StoreError) {
        let by = try add("by", client: notice.by, name)
        what = "group \(groupText(notice.groupID)) is deleted by \(by)"
        add("group_log", notice.log)
        add("group_id", notice.groupID)
    }

    private mutating func describe(_ notice: MemberChangeNotice, _ name: Name) throws(StoreError) {
        let client = try add("client", client: notice.client, name)
        what = "\(client) has changed: entry \(notice.directorySequenceNumber) of the directory"
        add("directory_seq", notice.directorySequenceNumber)
    }

    // MARK: Inboxes

    private mutating func describe(_ notice: InvitationNotice) {
        let inviter = String(decoding: notice.inviter, as: UTF8.self)
        let group = notice.groupName.isEmpty ? groupText(notice.groupID) : textOrHex(notice.groupName)
        what = "invitation \(notice.invitation) of \(inviter) into \(group), until \(notice.expires.text)"
        add("invitation", notice.invitation)
        add("group_log", notice.log)
        add("group_id", notice.groupID)
        add("group_name", utf8: notice.groupName)
        add("inviter", text: inviter)
        add("info", notice.info)
        add("expires", notice.expires)
    }

    private mutating func describe(_ notice: InvitationAnswerNotice) {
        let user = String(decoding: notice.name, as: UTF8.self)
        what = "invitation \(notice.invitation) of \(user) into log \(notice.log): \(words("\(notice.state)"))"
        add("invitation", notice.invitation)
        add("group_log", notice.log)
        add("name", text: user)
        add("state", text: "\(notice.state)")
    }

    private mutating func describe(_ notice: RemovalNotice, _ name: Name) throws(StoreError) {
        let by = try add("by", client: notice.by, name)
        what = "removed from \(groupText(notice.groupID)) by \(by), commit \(notice.sequenceNumber)"
        add("group_log", notice.log)
        add("group_id", notice.groupID)
        add("commit_seq", notice.sequenceNumber)
    }

    private mutating func describe(_ notice: EmptyNotice) {
        what = "alone in \(groupText(notice.groupID))"
        add("group_log", notice.log)
        add("group_id", notice.groupID)
    }

    private mutating func describe(_ notice: VoidedWelcomeNotice) {
        what = "the Welcome to \(groupText(notice.groupID)) with commit \(notice.sequenceNumber) is void"
        add("group_log", notice.log)
        add("group_id", notice.groupID)
        add("commit_seq", notice.sequenceNumber)
    }

    private mutating func describe(_ notice: LowPoolNotice) {
        what = "\(counted(Int(notice.count), "KeyPackage is", "KeyPackages are")) left, \(notice.cipherSuite)"
        add("cipher_suite", number: notice.cipherSuite.rawValue)
        add("count", number: notice.count)
    }

    private mutating func describe(_ notice: LastResortNotice, _ name: Name) throws(StoreError) {
        let recipient = try add("recipient", client: notice.recipient, name)
        what = "the KeyPackage of last resort, entry \(notice.sequenceNumber), went to \(recipient)"
        add("cipher_suite", number: notice.cipherSuite.rawValue)
        add("key_package_seq", notice.sequenceNumber)
    }

    private mutating func describe(_ notice: ExpiryNotice) {
        what = "the credential holds until \(notice.notAfter.text)"
        add("not_after", notice.notAfter)
    }

    // MARK: KeyPackages

    private mutating func describe(_ notice: KeyPackageNotice, _ name: Name) throws(StoreError) {
        let recipient = try name(notice.recipient)
        what = "entry \(notice.sequenceNumber) was handed out to \(recipient)"
        add("key_package_seq", notice.sequenceNumber)
        add("recipient", notice.recipient)
        add("recipient_name", text: recipient)
    }

    private mutating func describe(_ notice: ReservationNotice, _ verb: String) {
        what = "entry \(notice.sequenceNumber) was \(verb) for invitation \(notice.invitation)"
        add("key_package_seq", notice.sequenceNumber)
        add("invitation", notice.invitation)
    }

    private mutating func describe(_ notice: KeyPackageExpiryNotice) {
        what = "entry \(notice.sequenceNumber) has expired"
        add("key_package_seq", notice.sequenceNumber)
    }
}

extension GroupPolicy {
    /// A few words for people.
    var text: String { "\(words("\(mode)")), joined by \(join), may add: \(mayAdd), may remove: \(mayRemove)" }

    var fields: [FieldTree] {
        [
            FieldTree("mode", .text("\(mode)")), FieldTree("may_add", .text("\(mayAdd)")),
            FieldTree("may_remove", .text("\(mayRemove)")), FieldTree("may_rename", .text("\(mayRename)")),
            FieldTree("join", .text("\(join)")), FieldTree("approval_above", .number(UInt64(approvalAbove))),
            FieldTree("denials", .number(UInt64(denials))),
            FieldTree("retention_ms", .number(retentionMilliseconds)),
            FieldTree("retention_bytes", .number(retentionByteCount)),
        ]
    }
}
