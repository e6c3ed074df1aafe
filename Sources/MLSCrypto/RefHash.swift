public import MLSCodec
import TLSPresentation

/// The hash that names `value`. RFC 9420 section 5.2.
/// ```
/// RefHash(label, value) = Hash(RefHashInput)
/// struct { opaque label<V>; opaque value<V>; } RefHashInput;
/// ```
/// - Throws: `unsupportedCipherSuite`.
public func refHash(label: String, value: RawSpan, suite: CipherSuite) throws(CryptoError) -> [UInt8] {
    var context = HashContext(try suite.hashAlgorithm)
    var head = Writer()
    head.opaque(label.utf8)
    head.varint(value.byteCount)
    context.update(head.bytes.rawSpan)
    context.update(value)
    return context.finalize()
}

/// The KeyPackageRef of a KeyPackage of `suite`. RFC 9420 section 5.2.
/// - Parameter keyPackage: the bare KeyPackage: in an MLSMessage, what follows the version and the wire format.
/// - Throws: `unsupportedCipherSuite`.
public func keyPackageRef(of keyPackage: RawSpan, suite: CipherSuite) throws(CryptoError) -> [UInt8] {
    try refHash(label: "MLS 1.0 KeyPackage Reference", value: keyPackage, suite: suite)
}

/// The ProposalRef of a proposal in a group of `suite`. RFC 9420 section 5.2.
/// - Parameter authenticatedContent: the AuthenticatedContent that carries the proposal: with its wire format and
///   signature, without a membership tag.
/// - Throws: `unsupportedCipherSuite`.
public func proposalRef(of authenticatedContent: RawSpan, suite: CipherSuite) throws(CryptoError) -> [UInt8] {
    try refHash(label: "MLS 1.0 Proposal Reference", value: authenticatedContent, suite: suite)
}
