import COpenSSL
import Foundation
import TestSupport

/// A certificate for "localhost" and 127.0.0.1 that its own key signed, and the server's side of TLS with it.
final class TLSServer: @unchecked Sendable {
    // Sendable because OpenSSL's context is not changed after `init`.
    private let context: OpaquePointer
    /// The certificate as PEM, for `TLSClientContext.Trust.file`.
    let certificateFile: String

    init(subjectAltName: String = "DNS:localhost,IP:127.0.0.1") throws {
        func require<T>(_ value: T?, _ what: String) throws -> T {
            guard let value else { throw FakeServer.Failure(description: what) }
            return value
        }
        let generator = try require(EVP_PKEY_CTX_new_from_name(nil, "ED25519", nil), "EVP_PKEY_CTX")
        defer { EVP_PKEY_CTX_free(generator) }
        var key: OpaquePointer?
        EVP_PKEY_keygen_init(generator)
        EVP_PKEY_keygen(generator, &key)
        defer { EVP_PKEY_free(key) }
        let certificate = try require(X509_new(), "X509_new")
        defer { X509_free(certificate) }
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1)
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3600)
        X509_gmtime_adj(X509_getm_notAfter(certificate), 3600)
        X509_set_pubkey(certificate, key)
        let name = X509_get_subject_name(certificate)
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, Array("test".utf8), 4, -1, 0)
        X509_set_issuer_name(certificate, name)
        let names = try require(X509V3_EXT_conf_nid(nil, nil, NID_subject_alt_name, subjectAltName), "subjectAltName")
        X509_add_ext(certificate, names, -1)
        X509_EXTENSION_free(names)
        guard X509_sign(certificate, key, nil) > 0 else { throw FakeServer.Failure(description: "X509_sign") }

        context = try require(SSL_CTX_new(TLS_server_method()), "SSL_CTX_new")
        SSL_CTX_use_certificate(context, certificate)
        SSL_CTX_use_PrivateKey(context, key)
        certificateFile = NSTemporaryDirectory() + "mlsrelay-test-\(UUID().uuidString).pem"
        let file = try require(BIO_new_file(certificateFile, "w"), "BIO_new_file")
        PEM_write_bio_X509(file, certificate)
        BIO_free(file)
    }

    deinit {
        SSL_CTX_free(context)
        unlink(certificateFile)
    }

    /// The server's side of the handshake on `peer`; nil if it fails.
    func accept(_ peer: FakePeer) -> TLSPeer? {
        guard let session = SSL_new(context) else { return nil }
        SSL_set_fd(session, peer.descriptor)
        let tls = TLSPeer(peer, session)
        return SSL_accept(session) == 1 ? tls : nil
    }
}

/// One connection, whose calls wait.
final class TLSPeer: @unchecked Sendable {
    // Sendable because one script at a time uses it.
    private let peer: FakePeer
    private let session: OpaquePointer

    init(_ peer: FakePeer, _ session: OpaquePointer) {
        self.peer = peer
        self.session = session
    }

    deinit { SSL_free(session) }

    func write(_ bytes: [UInt8]) { SSL_write(session, bytes, Int32(bytes.count)) }

    func read(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < count {
            let received = SSL_read(session, &piece, Int32(min(piece.count, count - bytes.count)))
            guard received > 0 else { break }
            bytes += piece[..<Int(received)]
        }
        return bytes
    }

    func shutDown() { SSL_shutdown(session) }
}
