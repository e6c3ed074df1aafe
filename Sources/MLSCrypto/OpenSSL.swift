import COpenSSL

/// The one way in which OpenSSL's results are looked at.
package enum OpenSSL {
    /// Throws unless `result` is 1, OpenSSL's only success; its error queue is empty afterwards.
    @inline(__always)
    package static func check(_ result: Int32, _ function: StaticString) throws(CryptoError) {
        if result != 1 { throw failure(of: function) }
    }

    /// The pointer that `function` returned; throws if it is nil.
    package static func check(_ result: OpaquePointer?, _ function: StaticString) throws(CryptoError) -> OpaquePointer {
        guard let result = unsafe result else { throw failure(of: function) }
        return unsafe result
    }

    /// For calls that only fail where OpenSSL is broken or memory is exhausted: there is nothing to go on with.
    @inline(__always)
    static func require(_ result: Int32, _ function: StaticString) {
        if result != 1 { preconditionFailure("\(failure(of: function))") }
    }

    /// The pointer that `function` returned, under the same terms.
    static func require(_ result: OpaquePointer?, _ function: StaticString) -> OpaquePointer {
        guard let result = unsafe result else { preconditionFailure("\(failure(of: function))") }
        return unsafe result
    }

    /// Forgets what failed calls left in this thread's error queue, where the failure itself is the answer.
    package static func drainErrors() { ERR_clear_error() }

    /// What `function` left in this thread's error queue, which is empty afterwards.
    @inline(never)
    package static func failure(of function: StaticString) -> CryptoError {
        let code = ERR_peek_last_error()
        drainErrors()
        var text = [CChar](repeating: 0, count: 256)
        unsafe ERR_error_string_n(code, &text, text.count)
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let reason = code == 0 ? "no reason given" : String(decoding: bytes, as: UTF8.self)
        return .openSSL(function: "\(function)", reason: reason)
    }
}
