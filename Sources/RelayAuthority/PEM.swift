import COpenSSL
import MLSCrypto
import TLSPresentation

/// Keys and certificates as text. RFC 7468.
enum PEM {
    /// The private key in `text`; nil where there is none, or it asks for a password.
    static func key(_ text: UnsafeRawBufferPointer) -> EVPKey? {
        defer { OpenSSL.drainErrors() }
        guard let source = unsafe source(text) else { return nil }
        defer { unsafe BIO_free(source) }
        // Without a function to ask, OpenSSL would ask the terminal.
        guard let key = unsafe PEM_read_bio_PrivateKey(source, nil, { _, _, _, _ in -1 }, nil) else { return nil }
        return unsafe EVPKey(owning: key)
    }

    /// The first certificate in `text`, in DER; nil where there is none.
    static func certificate(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        defer { OpenSSL.drainErrors() }
        guard let source = unsafe source(text) else { return nil }
        defer { unsafe BIO_free(source) }
        guard let certificate = unsafe PEM_read_bio_X509(source, nil, { _, _, _, _ in -1 }, nil) else { return nil }
        defer { unsafe X509_free(certificate) }
        return unsafe DER.bytes(of: certificate)
    }

    private static func source(_ text: UnsafeRawBufferPointer) -> OpaquePointer? {
        guard let count = Int32(exactly: text.count) else { return nil }
        return unsafe BIO_new_mem_buf(text.baseAddress, count)
    }

    /// Calls `body` with `key`'s private half as text, which is erased afterwards.
    static func withText(
        of key: borrowing EVPKey, _ body: (UnsafeRawBufferPointer) throws(AuthorityError) -> Void
    ) throws(AuthorityError) {
        let sink = unsafe try sink()
        defer { unsafe BIO_free(sink) }
        guard unsafe PEM_write_bio_PrivateKey(sink, key.pointer, nil, nil, 0, nil, nil) == 1 else {
            throw .crypto(OpenSSL.failure(of: "PEM_write_bio_PrivateKey"))
        }
        unsafe try withContents(of: sink, body)
    }

    /// Calls `body` with a certificate as text.
    static func withText(
        of certificate: X509Certificate, _ body: (UnsafeRawBufferPointer) throws(AuthorityError) -> Void
    ) throws(AuthorityError) {
        let sink = unsafe try sink()
        defer { unsafe BIO_free(sink) }
        guard unsafe PEM_write_bio_X509(sink, certificate.pointer) == 1 else {
            throw .crypto(OpenSSL.failure(of: "PEM_write_bio_X509"))
        }
        unsafe try withContents(of: sink, body)
    }

    /// Memory that is erased when it is freed.
    private static func sink() throws(AuthorityError) -> OpaquePointer {
        guard let sink = unsafe BIO_new(BIO_s_secmem()) else { throw .crypto(OpenSSL.failure(of: "BIO_new")) }
        return unsafe sink
    }

    private static func withContents(
        of sink: OpaquePointer, _ body: (UnsafeRawBufferPointer) throws(AuthorityError) -> Void
    ) throws(AuthorityError) {
        var first: UnsafeMutablePointer<CChar>?
        let count = unsafe BIO_ctrl(sink, BIO_CTRL_INFO, 0, &first)
        unsafe try body(UnsafeRawBufferPointer(start: first, count: count))
    }
}
