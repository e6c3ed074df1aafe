public import MLSCodec
import MLSCrypto
import TLSPresentation

extension KeyPackage {
    /// Checks all of RFC 9420 section 10.1 that can be asked without a group: for somebody who keeps KeyPackages for
    /// others, and for a member that is about to add one. `PublicGroup` checks the rest with the Add.
    /// - Throws: `refused`, or `crypto` for a cipher suite that is not known.
    public func validate(policy: ValidationPolicy) throws(GroupError) {
        try validate(suite: cipherSuite, in: .keyPackage, policy: policy)
    }

    /// Checks the leaf node alone: where the KeyPackage is invalid, whether that is why.
    package func validateLeafNode(policy: ValidationPolicy) throws(GroupError) {
        try leafNode.validate(at: .keyPackage(.keyPackage), suite: cipherSuite, policy: policy)
    }

    func validate(suite: CipherSuite, in place: CredentialPlace, policy: ValidationPolicy) throws(GroupError) {
        // "Verify that the cipher suite and protocol version of the KeyPackage match those in the GroupContext."
        guard cipherSuite == suite else { throw .refused(.keyPackageSuite) }
        guard version == .mls10 else { throw .refused(.keyPackageVersion) }

        // "Verify that the leaf_node of the KeyPackage is valid for a KeyPackage according to Section 7.3."
        let key = try leafNode.validate(at: .keyPackage(place), suite: suite, policy: policy)

        // "Verify that the signature on the KeyPackage is valid using the public key in leaf_node.credential."
        let content = KeyPackageTBS(self).encoded
        guard key.verifyWithLabel(KeyPackageTBS.label, content: content.rawSpan, signature: signature.rawSpan) else {
            throw .refused(.keyPackageSignature)
        }

        // "Verify that the value of leaf_node.encryption_key is different from the value of the init_key field."
        guard initKey != leafNode.encryptionKey else { throw .refused(.initKeyDiffers) }

        // Section 10: "The value for init_key MUST be a public key for the asymmetric encryption scheme defined by
        // cipher_suite".
        try checkPublicKey(initKey, suite: suite, or: .initKeyFormat)

        // Section 13.4: "Any field containing a list of extensions MUST NOT have more than one extension of any given
        // type." Section 13.5 lets those of a KeyPackage be unknown and not listed in its capabilities.
        try extensions.checkTypesAreUnique()
    }
}
