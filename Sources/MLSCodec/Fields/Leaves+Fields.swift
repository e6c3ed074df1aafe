import TLSPresentation

extension Certificate: FieldDescribed {
    public var fields: [FieldTree] { [FieldTree("cert_data", certData)] }
}

extension Credential: FieldDescribed {
    public var fields: [FieldTree] {
        let type = FieldTree("credential_type", credentialType)
        return switch self {
        case .basic(let identity): [type, FieldTree("identity", identity)]
        case .x509(let certificates): [type, FieldTree("certificates", certificates)]
        case .other(_, let content): [type, FieldTree("content", content)]
        }
    }
}

extension Capabilities: FieldDescribed {
    public var fields: [FieldTree] {
        [
            FieldTree("versions", versions), FieldTree("cipher_suites", cipherSuites),
            FieldTree("extensions", extensions), FieldTree("proposals", proposals),
            FieldTree("credentials", credentials),
        ]
    }
}

extension Lifetime: FieldDescribed {
    public var fields: [FieldTree] { [FieldTree("not_before", notBefore), FieldTree("not_after", notAfter)] }
}

extension LeafNode: FieldDescribed {
    public var fields: [FieldTree] {
        var fields = [
            FieldTree("encryption_key", encryptionKey), FieldTree("signature_key", signatureKey),
            FieldTree("credential", credential), FieldTree("capabilities", capabilities),
            FieldTree("leaf_node_source", source.leafNodeSource),
        ]
        switch source {
        case .keyPackage(let lifetime): fields.append(FieldTree("lifetime", lifetime))
        case .update: break
        case .commit(let parentHash): fields.append(FieldTree("parent_hash", parentHash))
        }
        return fields + [FieldTree("extensions", extensions), FieldTree("signature", signature)]
    }
}

extension KeyPackage: FieldDescribed {
    public var fields: [FieldTree] {
        [
            FieldTree("version", version), FieldTree("cipher_suite", cipherSuite), FieldTree("init_key", initKey),
            FieldTree("leaf_node", leafNode), FieldTree("extensions", extensions),
            FieldTree("signature", signature),
        ]
    }
}
