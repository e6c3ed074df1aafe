import COpenSSL
import Synchronization

/// Whom to trust, for any number of TLS connections.
@safe public final class TLSClientContext: Sendable {
    public enum Trust: Hashable, Sendable {
        /// The certificate authorities that this machine trusts.
        case system
        /// The certificates in a PEM file, and no others.
        case file(String)
        /// Anybody: for tests and for measuring. Nothing then keeps a stranger out of the middle.
        case anybody
    }

    let trust: Trust
    // OpenSSL lets threads share a context that nobody changes, and nobody does after `init`.
    nonisolated(unsafe) let pointer: OpaquePointer

    public init(_ trust: Trust) throws(TransportError) {
        self.trust = trust
        guard let context = unsafe SSL_CTX_new(TLS_client_method()) else { throw OpenSSLError.take("SSL_CTX_new") }
        unsafe pointer = context
        guard unsafe mlsrelay_SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 else {
            throw OpenSSLError.take("SSL_CTX_set_min_proto_version")
        }
        // A relay's frames say how long they are: an end inside of one is noticed without TLS.
        _ = unsafe SSL_CTX_set_options(context, mlsrelay_SSL_OP_IGNORE_UNEXPECTED_EOF())
        _ = unsafe mlsrelay_SSL_CTX_set_mode(
            context,
            Int(SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS))
        switch trust {
        case .system:
            guard unsafe SSL_CTX_set_default_verify_paths(context) == 1 else {
                throw OpenSSLError.take("SSL_CTX_set_default_verify_paths")
            }
        case .file(let path):
            guard unsafe SSL_CTX_load_verify_file(context, path) == 1 else {
                throw OpenSSLError.take("SSL_CTX_load_verify_file")
            }
        case .anybody: break
        }
        unsafe SSL_CTX_set_verify(context, trust == .anybody ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nil)
    }

    deinit { unsafe SSL_CTX_free(pointer) }

    /// The context of sockets that bring none.
    static func system() throws(TransportError) -> TLSClientContext { try shared.get() }

    private static let shared = Result { () throws(TransportError) in try TLSClientContext(.system) }
}

/// What OpenSSL says about a failure.
enum OpenSSLError {
    /// The newest error of this thread's queue, which is empty afterwards.
    static func take(_ function: StaticString) -> TransportError {
        let code = ERR_peek_last_error()
        ERR_clear_error()
        guard code != 0 else { return .tls(reason: "\(function) gave no reason") }
        var text = [CChar](repeating: 0, count: 256)
        unsafe ERR_error_string_n(code, &text, text.count)
        return .tls(reason: String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
}
