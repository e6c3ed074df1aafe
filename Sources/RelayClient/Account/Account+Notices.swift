import RelayWire
import TLSPresentation

/// What the relay tells a device about itself in its inbox. PROTOCOL.md section 6.3.
extension Account {
    /// Whether the relay has said that something is to be done: see `RelayClient.maintain`.
    var needsUpkeep: Bool { needsKeyPackages || needsCredential }

    /// Remembers what an entry of the inbox says about this device or its user's others.
    /// - Returns: the device of this user that it says is revoked, where that is new.
    /// - Throws: where the notice is malformed; the account is then as it was.
    mutating func receive(_ entry: Entry) throws(DecodingError) -> OwnDevice? {
        switch entry.header.kind {
        case .poolLow:
            guard try LowPoolNotice(decoding: entry.payload).cipherSuite == Self.suite else { return nil }
            needsKeyPackages = true
        case .lastResortUsed:
            let notice = try LastResortNotice(decoding: entry.payload)
            guard notice.cipherSuite == Self.suite else { return nil }
            lastResortUsed = max(lastResortUsed, notice.sequenceNumber)
            needsKeyPackages = true
        case .credentialExpiring:
            // Of the credential before, where this one is newer.
            guard try ExpiryNotice(decoding: entry.payload).notAfter >= credentialNotAfter else { return nil }
            needsCredential = true
        case .clientRevoked:
            let revoked = try RevocationNotice(decoding: entry.payload).client
            guard let index = devices.firstIndex(where: { $0.client == revoked }) else { return nil }
            return devices.remove(at: index)
        default: break
        }
        return nil
    }
}
