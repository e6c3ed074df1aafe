import TLSPresentation

/// Passes over RFC 9420's structures as strictly as their types decode, and copies nothing.
///
/// Tests hold the two together: what one takes or refuses, the other does too.
enum Walk {
    /// Which of the extensions that the envelope tells of were seen.
    struct Extensions: OptionSet {
        let rawValue: UInt8
        static let ratchetTree = Extensions(rawValue: 1)
        static let externalPub = Extensions(rawValue: 2)
        static let lastResort = Extensions(rawValue: 4)
    }

    static func extensions(_ reader: inout Reader) throws(DecodingError) -> Extensions {
        var seen: Extensions = []
        var content = try reader.vectorReader()
        while !content.isAtEnd {
            switch try ExtensionType(from: &content) {
            case .ratchetTree: seen.insert(.ratchetTree)
            case .externalPub: seen.insert(.externalPub)
            case .lastResort: seen.insert(.lastResort)
            default: break
            }
            _ = try content.opaqueRange()
        }
        return seen
    }

    /// A vector of 16-bit numbers.
    private static func numbers(_ reader: inout Reader) throws(DecodingError) {
        var content = try reader.vectorReader()
        while !content.isAtEnd { _ = try content.uint16() }
    }

    struct LeafNodeFields {
        let signatureKey: Range<Int>
        let credentialType: CredentialType
        let credentialIdentity: Range<Int>
        let lifetime: Lifetime?
    }

    static func leafNode(_ reader: inout Reader) throws(DecodingError) -> LeafNodeFields {
        // encryption_key
        _ = try reader.opaqueRange()
        let signatureKey = try reader.opaqueRange()
        let credentialType = try CredentialType(from: &reader)
        let credentialIdentity = try credential(&reader, credentialType)
        // capabilities: versions, cipher_suites, extensions, proposals, credentials
        for _ in 0..<5 { try numbers(&reader) }
        var lifetime: Lifetime?
        switch try LeafNodeSource(from: &reader) {
        case .keyPackage: lifetime = try Lifetime(from: &reader)
        case .update: break
        case .commit: _ = try reader.opaqueRange()
        }
        _ = try extensions(&reader)
        // signature
        _ = try reader.opaqueRange()
        return LeafNodeFields(
            signatureKey: signatureKey, credentialType: credentialType, credentialIdentity: credentialIdentity,
            lifetime: lifetime)
    }

    private static func credential(
        _ reader: inout Reader, _ type: CredentialType
    ) throws(DecodingError) -> Range<Int> {
        guard type == .x509 else { return try reader.opaqueRange() }
        var certificates = try reader.vectorReader()
        let start = certificates.byteOffset
        while !certificates.isAtEnd { _ = try certificates.opaqueRange() }
        return start..<certificates.byteOffset
    }

    static func hpkeCiphertext(_ reader: inout Reader) throws(DecodingError) {
        // kem_output, ciphertext
        _ = try reader.opaqueRange()
        _ = try reader.opaqueRange()
    }

    struct GroupContextFields {
        let cipherSuite: CipherSuite
        let groupID: Range<Int>
        let epoch: UInt64
    }

    static func groupContext(_ reader: inout Reader) throws(DecodingError) -> GroupContextFields {
        try ProtocolVersion.expectMLS10(&reader)
        let cipherSuite = try CipherSuite(from: &reader)
        let groupID = try reader.opaqueRange()
        let epoch = try reader.uint64()
        // tree_hash, confirmed_transcript_hash
        _ = try reader.opaqueRange()
        _ = try reader.opaqueRange()
        _ = try extensions(&reader)
        return GroupContextFields(cipherSuite: cipherSuite, groupID: groupID, epoch: epoch)
    }

    // MARK: Proposals and Commits

    static func proposal(_ reader: inout Reader) throws(DecodingError) -> ProposalType {
        let start = reader.byteOffset
        let type = try ProposalType(from: &reader)
        switch type {
        case .add: _ = try KeyPackageRoute(from: &reader)
        case .update: _ = try leafNode(&reader)
        case .remove: _ = try reader.uint32()
        case .psk: try preSharedKeyID(&reader)
        case .reInit:
            // group_id, version, cipher_suite
            _ = try reader.opaqueRange()
            _ = try reader.uint32()
            _ = try extensions(&reader)
        case .externalInit: _ = try reader.opaqueRange()
        case .groupContextExtensions: _ = try extensions(&reader)
        case .selfRemove: break
        case let type where type.isForPrivateUse: _ = try reader.opaqueRange()
        default: throw DecodingError(.unknownValue(type: "ProposalType", value: UInt64(type.rawValue)), at: start)
        }
        return type
    }

    private static func preSharedKeyID(_ reader: inout Reader) throws(DecodingError) {
        switch try PSKType(from: &reader) {
        case .external: _ = try reader.opaqueRange()
        case .resumption:
            _ = try ResumptionPSKUsage(from: &reader)
            // psk_group_id, psk_epoch
            _ = try reader.opaqueRange()
            _ = try reader.uint64()
        }
        // psk_nonce
        _ = try reader.opaqueRange()
    }

    static func commit(
        _ reader: inout Reader
    ) throws(DecodingError) -> (proposalCount: Int, hasPath: Bool) {
        var proposals = try reader.vectorReader()
        var proposalCount = 0
        while !proposals.isAtEnd {
            switch try ProposalOrRefType(from: &proposals) {
            case .proposal: _ = try proposal(&proposals)
            case .reference: _ = try proposals.opaqueRange()
            }
            proposalCount += 1
        }
        let hasPath = try reader.isPresent()
        if hasPath {
            _ = try leafNode(&reader)
            var nodes = try reader.vectorReader()
            while !nodes.isAtEnd {
                // encryption_key
                _ = try nodes.opaqueRange()
                var ciphertexts = try nodes.vectorReader()
                while !ciphertexts.isAtEnd { try hpkeCiphertext(&ciphertexts) }
            }
        }
        return (proposalCount, hasPath)
    }
}
