import TLSPresentation

extension Extension: FieldDescribed {
    /// The data by its fields where the type is known and the data is of it, and else as bytes.
    public var fields: [FieldTree] {
        let data =
            described(ApplicationID.self) ?? described(RatchetTree.self) ?? described(RequiredCapabilities.self)
            ?? described(ExternalPub.self) ?? described(ExternalSenders.self) ?? .bytes(extensionData)
        return [FieldTree("extension_type", extensionType), FieldTree("extension_data", data)]
    }

    private func described<Body: ExtensionBody & FieldDescribed>(_ type: Body.Type) -> FieldTree.Value? {
        // Data that is not what its type says is shown as it is.
        guard let body = try? body(type) else { return nil }
        return .children(body.fields)
    }
}

extension ApplicationID: FieldDescribed {
    public var fields: [FieldTree] { [FieldTree("application_id", applicationID)] }
}

extension RequiredCapabilities: FieldDescribed {
    public var fields: [FieldTree] {
        [
            FieldTree("extension_types", extensionTypes), FieldTree("proposal_types", proposalTypes),
            FieldTree("credential_types", credentialTypes),
        ]
    }
}

extension ExternalPub: FieldDescribed {
    public var fields: [FieldTree] { [FieldTree("external_pub", externalPub)] }
}

extension ExternalSender: FieldDescribed {
    public var fields: [FieldTree] { [FieldTree("signature_key", signatureKey), FieldTree("credential", credential)] }
}

extension ExternalSenders: FieldDescribed {
    public var fields: [FieldTree] { [FieldTree("external_senders", externalSenders)] }
}
