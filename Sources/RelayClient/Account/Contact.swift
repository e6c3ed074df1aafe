import ClientStore
import MLSCrypto
import RelayWire
import TLSPresentation

/// A device of somebody, as this one has first seen it: trust on first use, and by comparing fingerprints.
struct Contact: Equatable {
    let user: String
    /// Empty where nobody has said it.
    let device: String
    let signatureKey: [UInt8]
    /// Whether a device of this name had another key before.
    let isChanged: Bool
    /// Whether a person has compared the fingerprint, which settles that too.
    var isVerified = false

    var trust: KeyTrust { isVerified ? .verified : isChanged ? .changed : .unverified }
    var fingerprint: Fingerprint { Fingerprint(ofPublicKey: signatureKey) }
}

extension Contact: TLSCodable {
    private static let version: UInt8 = 1

    init(from reader: inout Reader) throws(DecodingError) {
        try reader.expectVersion(Self.version, "Contact")
        user = try reader.text()
        device = try reader.text()
        signatureKey = try reader.opaque()
        isChanged = try reader.isPresent()
        isVerified = try reader.isPresent()
    }

    func encode(into writer: inout Writer) {
        writer.integer(Self.version)
        writer.text(user)
        writer.text(device)
        writer.opaque(signatureKey)
        writer.isPresent(isChanged)
        writer.isPresent(isVerified)
    }
}

/// The table of contacts.
extension StoreTransaction {
    private static func prefix(_ user: String) -> [UInt8] { SHA256.hash(Array(user.utf8)).bytes }

    private static func key(_ user: String, _ fingerprint: Fingerprint) -> [UInt8] {
        prefix(user) + fingerprint.bytes
    }

    func contact(user: String, signatureKey: [UInt8]) throws -> Contact? {
        try contact(user: user, Fingerprint(ofPublicKey: signatureKey))
    }

    func contact(user: String, _ fingerprint: Fingerprint) throws -> Contact? {
        try decode(Contact.self, Tables.contacts, Self.key(user, fingerprint))
    }

    /// Everything that was ever seen of a user.
    func contacts(user: String) throws -> [Contact] {
        try keys(Tables.contacts, prefix: Self.prefix(user)).compactMap {
            try decode(Contact.self, Tables.contacts, $0)
        }
    }

    /// Remembers a device that was seen: its name may have come to it later than its key.
    /// - Returns: how far it is trusted.
    @discardableResult
    func observe(user: String, device: String, signatureKey: [UInt8]) throws -> KeyTrust {
        let known = try contact(user: user, signatureKey: signatureKey)
        if let known, known.device == device || device.isEmpty { return known.trust }
        let isChanged =
            try !device.isEmpty
            && contacts(user: user).contains { $0.device == device && $0.signatureKey != signatureKey }
        let contact = Contact(
            user: user, device: device, signatureKey: signatureKey, isChanged: isChanged,
            isVerified: known?.isVerified ?? false)
        try encode(contact, Tables.contacts, Self.key(user, contact.fingerprint))
        return contact.trust
    }

    /// Whether a device of this name has a key that a person has compared, and it is another one.
    func contradictsVerified(user: String, device: String, signatureKey: [UInt8]) throws -> Bool {
        guard !device.isEmpty else { return false }
        if try contact(user: user, signatureKey: signatureKey)?.isVerified == true { return false }
        return try contacts(user: user).contains {
            $0.device == device && $0.isVerified && $0.signatureKey != signatureKey
        }
    }

    /// - Returns: false where nothing is known of such a device.
    func setVerified(_ isVerified: Bool, user: String, _ fingerprint: Fingerprint) throws -> Bool {
        guard var contact = try contact(user: user, fingerprint) else { return false }
        contact.isVerified = isVerified
        try encode(contact, Tables.contacts, Self.key(user, fingerprint))
        return true
    }
}
