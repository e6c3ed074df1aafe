import MLSCodec
import MLSCrypto
import TLSPresentation

extension LeafNode {
    /// Checks all of RFC 9420 section 7.3 that a leaf node can be asked without a look at the group that it is in.
    /// - Returns: the key that verified its signature.
    @discardableResult
    func validate(
        at place: LeafNodePlace, suite: CipherSuite, policy: ValidationPolicy
    ) throws(GroupError) -> SignaturePublicKey {
        try checkContent(at: place, suite: suite, policy)
        // Section 10: "the leaf_node field MUST be valid for the cipher suite, including both the encryption_key and
        // signature_key fields." In a tree they are already in use.
        if !place.isInTree { try checkPublicKey(encryptionKey, suite: suite, or: .leafEncryptionKeyFormat) }
        return try verifySignature(at: place, suite: suite)
    }

    /// Checks the same of a leaf node that one has just made and signed, but for its keys and its signature.
    func validateOwn(at place: LeafNodePlace, suite: CipherSuite, policy: ValidationPolicy) throws(GroupError) {
        try checkContent(at: place, suite: suite, policy)
    }

    /// The part of section 7.3 that costs no cryptography.
    private func checkContent(at place: LeafNodePlace, suite: CipherSuite, _ policy: ValidationPolicy)
        throws(GroupError)
    {
        // "Verify that the credential in the LeafNode is valid, as described in Section 5.3.1."
        try checkCredential(at: place, suite: suite, policy.authenticationService)

        // Section 7.2: "the credential type used in the LeafNode MUST be included in the credentials field of the
        // capabilities field."
        guard capabilities.credentials.contains(credential.credentialType) else { throw .refused(.ownCredentialType) }

        // "Verify the lifetime field".
        try checkLifetime(at: place, policy)

        // "Verify that the extensions in the LeafNode are supported by checking that the ID for each extension in the
        // extensions field is listed in the capabilities.extensions field of the LeafNode."
        // Section 7.2: default ones MUST NOT be listed.
        for type in extensions.lazy.map(\.extensionType) where !type.isDefault {
            guard capabilities.extensions.contains(type) else { throw .refused(.leafExtensions) }
        }

        // Section 13.4: "Any field containing a list of extensions MUST NOT have more than one extension of any given
        // type."
        try extensions.checkTypesAreUnique()

        // "Verify the leaf_node_source field".
        try checkSource(at: place)
    }

    private func checkCredential(
        at place: LeafNodePlace, suite: CipherSuite, _ authenticationService: any AuthenticationService
    ) throws(GroupError) {
        // A credential's meaning is its bond with the signature key, so a new key makes it new too.
        let replaced = place.replaced
        if replaced?.credential == credential, replaced?.signatureKey == signatureKey { return }

        // Section 5.3, of a chain: what it is, and that it is about this key.
        try credential.checkCertificates(signatureKey: signatureKey, suite: suite)

        // Section 5.3.1: "Whenever a new credential is introduced in the group, it MUST be validated with the AS."
        guard authenticationService.isValid(credential, signatureKey: signatureKey, in: place.credentialPlace) else {
            throw .refused(.credential)
        }

        // "In cases where a member's credential is being replaced, … the AS MUST also verify that the set of presented
        // identifiers in the new credential is valid as a successor".
        guard let replaced, replaced.credential != credential else { return }
        guard authenticationService.isValidSuccessor(credential, of: replaced.credential) else {
            throw .refused(.successor)
        }
    }

    private func checkLifetime(at place: LeafNodePlace, _ policy: ValidationPolicy) throws(GroupError) {
        guard case .keyPackage(let lifetime) = source else { return }

        // Section 7.2: "reject any LeafNode where the total lifetime is longer than this duration." One that ends before
        // it begins has none.
        guard lifetime.notBefore <= lifetime.notAfter else { throw .refused(.totalLifetime) }
        if let longest = policy.maxTotalLifetime {
            guard lifetime.notAfter - lifetime.notBefore <= longest else { throw .refused(.totalLifetime) }
        }

        // "it is RECOMMENDED that the client verifies that the current time is within the range of the lifetime field."
        if place.isInTree, !policy.checksLifetimesInTree { return }
        guard let now = policy.clock?() else { return }
        let (latest, isFarFuture) = now.addingReportingOverflow(policy.clockSkew)
        let earliest = now > policy.clockSkew ? now - policy.clockSkew : 0
        guard isFarFuture || lifetime.notBefore <= latest, lifetime.notAfter >= earliest else {
            throw .refused(.lifetime)
        }
    }

    private func checkSource(at place: LeafNodePlace) throws(GroupError) {
        switch place {
        case .keyPackage:
            // "If the LeafNode appears in a KeyPackage, verify that leaf_node_source is set to key_package."
            guard case .keyPackage = source else { throw .refused(.keyPackageSource) }
        case .update(_, _, let replaced):
            // "If the LeafNode appears in an Update proposal, verify that leaf_node_source is set to update"
            guard case .update = source else { throw .refused(.updateSource) }
            // "and that encryption_key represents a different public key than the encryption_key in the leaf node being
            // replaced by the Update proposal."
            guard encryptionKey != replaced.encryptionKey else { throw .refused(.updateKey) }
        case .commit(_, _, let replaced):
            // "If the LeafNode appears in the leaf_node value of the UpdatePath in a Commit, verify that
            // leaf_node_source is set to commit."
            guard case .commit = source else { throw .refused(.commitSource) }
            // Section 12.4.2: "Verify that the encryption_key value in the LeafNode is different from the committer's
            // current leaf node."
            guard encryptionKey != replaced?.encryptionKey else { throw .refused(.pathLeafKey) }
        case .tree: break
        }
    }

    /// "Verify that the signature on the LeafNode is valid using signature_key." RFC 9420 section 7.3.
    private func verifySignature(at place: LeafNodePlace, suite: CipherSuite) throws(GroupError) -> SignaturePublicKey {
        let key = try signaturePublicKey(signatureKey, suite: suite, or: .leafSignatureKeyFormat)
        let content = place.toBeSigned(self).encoded
        guard key.verifyWithLabel(LeafNodeTBS.label, content: content.rawSpan, signature: signature.rawSpan) else {
            throw .refused(.leafSignature)
        }
        return key
    }
}
