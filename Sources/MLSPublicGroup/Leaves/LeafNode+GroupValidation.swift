import MLSCodec

extension LeafNode {
    /// Checks what RFC 9420 section 7.3 says of a leaf node among others.
    /// - Parameters:
    ///   - parameters: of the group, new ones where the Commit brings such.
    ///   - members: all of the group, this one included.
    func validate(in parameters: GroupParameters, with members: MemberIndex) throws(GroupError) {
        // "If the GroupContext has a required_capabilities extension, then the required extensions, proposals, and
        // credential types MUST be listed in the LeafNode's capabilities field." Section 11.1: default ones need not.
        if let required = parameters.requiredCapabilities {
            guard
                required.extensionTypes.allSatisfy({ $0.isDefault || capabilities.extensions.contains($0) }),
                required.proposalTypes.allSatisfy({ $0.isDefault || capabilities.proposals.contains($0) }),
                required.credentialTypes.allSatisfy(capabilities.credentials.contains)
            else { throw .refused(.requiredCapabilities) }
        }

        // Section 13.4: "The capabilities field MUST indicate support for each extension in the GroupContext."
        for type in parameters.listedTypes {
            guard capabilities.extensions.contains(type) else { throw .refused(.memberSupportsExtensions) }
        }

        // "Verify that the credential type is supported by all members of the group, as specified by the capabilities
        // field of each member's LeafNode,"
        guard members.allSupport(credential.credentialType) else { throw .refused(.credentialTypeSupported) }

        // "and that the capabilities field of this LeafNode indicates support for all the credential types currently in
        // use by other members."
        for type in members.credentialTypes.types {
            guard capabilities.credentials.contains(type) else { throw .refused(.credentialTypesInUse) }
        }
    }
}
