import RelayWire
import TLSPresentation
import TestSupport
import Testing

@Suite("Payloads of entries and details of errors: the golden vectors")
struct StructureTests {
    static let types: [String: any (TLSCodable & Hashable & Sendable).Type] = [
        "IdentityNotice": IdentityNotice.self, "GroupNotice": GroupNotice.self,
        "KeyPackageNotice": KeyPackageNotice.self, "CredentialNotice": CredentialNotice.self,
        "KeyRotationNotice": KeyRotationNotice.self, "RevocationNotice": RevocationNotice.self,
        "SuspensionNotice": SuspensionNotice.self, "GroupChangeNotice": GroupChangeNotice.self,
        "RoleNotice": RoleNotice.self, "VoidNotice": VoidNotice.self, "DeletionNotice": DeletionNotice.self,
        "MemberChangeNotice": MemberChangeNotice.self, "InvitationNotice": InvitationNotice.self,
        "InvitationAnswerNotice": InvitationAnswerNotice.self, "RemovalNotice": RemovalNotice.self,
        "EmptyNotice": EmptyNotice.self, "VoidedWelcomeNotice": VoidedWelcomeNotice.self,
        "LowPoolNotice": LowPoolNotice.self, "LastResortNotice": LastResortNotice.self,
        "ExpiryNotice": ExpiryNotice.self, "ReservationNotice": ReservationNotice.self,
        "KeyPackageExpiryNotice": KeyPackageExpiryNotice.self, "VersionDetail": VersionDetail.self,
        "EpochDetail": EpochDetail.self, "RetryDetail": RetryDetail.self, "RuleDetail": RuleDetail.self,
    ]

    @Test("every one decodes to its meaning and encodes to its bytes")
    func bothDirections() throws {
        let all = try GoldenStructure.all()
        for golden in all {
            let type = try #require(Self.types[golden.structure], "\(golden.structure)")
            let decoded = try type.init(decoding: golden.hex.bytes)
            #expect(try Value(reflecting: decoded) == golden.meaning, "\(golden.structure)")
            #expect(decoded.encoded == golden.hex.bytes, "\(golden.structure)")
        }
        for structure in Self.types.keys { #expect(all.count { $0.structure == structure } >= 2, "\(structure)") }
    }

    @Test("every truncation is refused, and a byte behind")
    func truncations() throws {
        for golden in try GoldenStructure.all() {
            let type = try #require(Self.types[golden.structure])
            let bytes = golden.hex.bytes
            for count in 0..<bytes.count {
                let seen = reason { () throws(DecodingError) in _ = try type.init(decoding: Array(bytes[..<count])) }
                #expect(seen == .truncated, "\(golden.structure) cut after \(count)")
            }
            let seen = reason { () throws(DecodingError) in _ = try type.init(decoding: bytes + [0]) }
            #expect(seen == .trailingBytes, "\(golden.structure)")
        }
    }

    @Test("the payload of every entry that the relay writes is the notice of its kind")
    func payloads() throws {
        for golden in try GoldenChain.all() {
            for link in golden.entries {
                let entry = try Entry(link.entry)
                let notice: (any TLSCodable)? =
                    switch entry.header.kind {
                    case .identity: try IdentityNotice(decoding: entry.payload)
                    case .groupCreated: try GroupNotice(decoding: entry.payload)
                    case .keyPackageHandedOut: try KeyPackageNotice(decoding: entry.payload)
                    case .credentialIssued: try CredentialNotice(decoding: entry.payload)
                    case .keyRotated: try KeyRotationNotice(decoding: entry.payload)
                    case .clientRevoked: try RevocationNotice(decoding: entry.payload)
                    case .userSuspended: try SuspensionNotice(decoding: entry.payload)
                    default: nil
                    }
                if let notice { #expect(notice.encoded == entry.payload && entry.header.sender == .relay) }
            }
        }
    }
}
