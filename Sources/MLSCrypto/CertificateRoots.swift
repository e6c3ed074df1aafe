import COpenSSL
import TLSPresentation

/// The certificates that a path may end in, parsed once for any number of chains. RFC 5280 section 6.1: trust anchors.
///
/// Any number of threads may verify with them at a time.
@safe public final class CertificateRoots: Sendable {
    // An X509_STORE has a lock of its own, and nobody adds to it after `init`.
    nonisolated(unsafe) let store: OpaquePointer

    /// - Parameter certificates: DER and nothing else. None of the machine's own is added.
    /// - Throws: `malformedCertificate` with the index of the first that is not.
    public init(_ certificates: [[UInt8]]) throws(CryptoError) {
        var parsed: [X509Certificate] = []
        for (index, certificate) in certificates.enumerated() {
            guard let one = X509Certificate(certificate.rawSpan) else { throw .malformedCertificate(index: index) }
            parsed.append(one)
        }
        unsafe store = try OpenSSL.check(X509_STORE_new(), "X509_STORE_new")
        // The store has a reference of its own to each.
        for one in parsed { unsafe try OpenSSL.check(X509_STORE_add_cert(store, one.pointer), "X509_STORE_add_cert") }
    }

    deinit { unsafe X509_STORE_free(store) }
}
