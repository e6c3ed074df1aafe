import COpenSSL
import Glibc

/// One TLS connection over a non-blocking socket, which it does not own. Confined to a loop.
@safe final class TLSSession {
    enum Progress: Equatable {
        case done
        case wantsRead
        case wantsWrite
        case failed(TransportError)
    }

    private let pointer: OpaquePointer

    /// - Parameter host: whose certificate it has to be; an address counts as one.
    init(_ context: TLSClientContext, descriptor: Int32, host: String) throws(TransportError) {
        guard let session = unsafe SSL_new(context.pointer) else { throw OpenSSLError.take("SSL_new") }
        unsafe pointer = session
        guard unsafe SSL_set_fd(session, descriptor) == 1 else { throw OpenSSLError.take("SSL_set_fd") }
        let isName = SocketAddress(literal: host, port: 0) == nil
        // RFC 6066 section 3: names only.
        if isName, unsafe mlsrelay_SSL_set_tlsext_host_name(session, host) != 1 {
            throw OpenSSLError.take("SSL_set_tlsext_host_name")
        }
        let parameters = unsafe SSL_get0_param(session)
        let result =
            unsafe isName
            ? X509_VERIFY_PARAM_set1_host(parameters, host, 0) : X509_VERIFY_PARAM_set1_ip_asc(parameters, host)
        guard result == 1 else { throw OpenSSLError.take("X509_VERIFY_PARAM_set1_host") }
    }

    deinit { unsafe SSL_free(pointer) }

    /// Goes on with the handshake.
    func connect() -> Progress {
        ERR_clear_error()
        let result = unsafe SSL_connect(pointer)
        if result == 1 { return .done }
        switch unsafe SSL_get_error(pointer, result) {
        case SSL_ERROR_WANT_READ: return .wantsRead
        case SSL_ERROR_WANT_WRITE: return .wantsWrite
        default:
            let verdict = unsafe SSL_get_verify_result(pointer)
            guard verdict == Int(X509_V_OK) else {
                ERR_clear_error()
                let reason = unsafe X509_verify_cert_error_string(verdict).map { unsafe String(cString: $0) }
                return .failed(.certificateRefused(reason: reason ?? "error \(verdict)"))
            }
            return .failed(OpenSSLError.take("SSL_connect"))
        }
    }

    /// What a read or a write came to.
    enum Transfer {
        case bytes(Int)
        /// Nothing now; the socket has to become writable before there is, where it usually has to become readable.
        case wouldBlock(wantsWrite: Bool)
        case end
        case failed(TransportError)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        ERR_clear_error()
        var count = 0
        let result = unsafe SSL_read_ex(pointer, buffer.baseAddress, buffer.count, &count)
        return result == 1 ? .bytes(count) : failure(result, "SSL_read_ex")
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Transfer {
        ERR_clear_error()
        var count = 0
        let result = unsafe SSL_write_ex(pointer, bytes.baseAddress, bytes.count, &count)
        return result == 1 ? .bytes(count) : failure(result, "SSL_write_ex")
    }

    /// Says goodbye, if the socket takes it now; the peer notices the end of the connection anyway.
    func shutDown() {
        ERR_clear_error()
        _ = unsafe SSL_shutdown(pointer)
        ERR_clear_error()
    }

    private func failure(_ result: Int32, _ function: StaticString) -> Transfer {
        let code = errno
        switch unsafe SSL_get_error(pointer, result) {
        case SSL_ERROR_WANT_READ: return .wouldBlock(wantsWrite: false)
        case SSL_ERROR_WANT_WRITE: return .wouldBlock(wantsWrite: true)
        case SSL_ERROR_ZERO_RETURN: return .end
        case SSL_ERROR_SYSCALL where code != 0: return .failed(.system(call: "\(function)", code: code))
        default: return .failed(OpenSSLError.take(function))
        }
    }
}
