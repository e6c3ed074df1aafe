import COpenSSL

extension CertificateChain {
    /// Checks that the chain is a path to one of `roots`, each certificate valid at a time: RFC 5280 section 6, without
    /// asking anybody else. Nothing is said of revocation, nor of whom the end entity's names mean.
    ///
    /// The chain has to be the path, in its order and with nothing beside it; the root may stand at its end or not. The
    /// end entity may not be an authority, and has to be one that signs (section 4.2.1.3). Both ends of a certificate's
    /// time belong to it (section 4.1.2.5), which OpenSSL by itself does not say of the last second.
    ///
    /// Cost: a verification for each certificate but the root.
    /// - Parameter time: in seconds since 1970; nil where it does not matter, as for a member that was added long ago.
    /// - Parameter clockSkew: how many seconds the issuer's clock may be ahead of or behind this one.
    /// - Throws: `certificateNotTrusted`, `certificateNotSigned`, `certificateExpired`, `certificateNotYetValid`,
    ///   `malformedCertificate`, each with the index of the certificate; the root's is that after the last.
    public func verify(
        trusting roots: CertificateRoots, at time: UInt64?, clockSkew: UInt64 = 0
    ) throws(CryptoError) {
        try checkEndEntity()
        let context = unsafe try OpenSSL.check(X509_STORE_CTX_new(), "X509_STORE_CTX_new")
        defer { unsafe X509_STORE_CTX_free(context) }
        let untrusted = unsafe try OpenSSL.check(OPENSSL_sk_new_null(), "OPENSSL_sk_new_null")
        defer { unsafe OPENSSL_sk_free(untrusted) }
        for certificate in certificates.dropFirst() {
            let count = unsafe OPENSSL_sk_push(untrusted, UnsafeRawPointer(certificate.pointer))
            try OpenSSL.check(count > 0 ? 1 : 0, "OPENSSL_sk_push")
        }
        unsafe try OpenSSL.check(
            X509_STORE_CTX_init(context, roots.store, certificates[0].pointer, untrusted), "X509_STORE_CTX_init")
        unsafe try Self.setRules(X509_STORE_CTX_get0_param(context))

        guard unsafe X509_verify_cert(context) == 1 else { throw unsafe Self.refusal(context) }
        guard let path = unsafe X509_STORE_CTX_get0_chain(context) else {
            throw .certificateNotTrusted(index: 0, reason: "there is no path")
        }
        unsafe try checkIsPath(path)
        if let time { unsafe try Self.checkDates(path, time, clockSkew) }
    }

    /// The same for roots that are used once, in DER.
    /// - Throws: also `malformedCertificate` with the index of a root, counted from the chain's end.
    public func verify(
        trusting roots: [[UInt8]], at time: UInt64?, clockSkew: UInt64 = 0
    ) throws(CryptoError) {
        let parsed: CertificateRoots
        do {
            parsed = try CertificateRoots(roots)
        } catch .malformedCertificate(let index) {
            throw .malformedCertificate(index: certificates.count + index)
        }
        try verify(trusting: parsed, at: time, clockSkew: clockSkew)
    }

    /// 112 bits of OpenSSL's security levels: no SHA-1, no RSA below 2048 bits.
    private static var securityLevel: Int32 { 2 }
    /// How many authorities may stand between the end entity and the root: more than anybody has.
    private static var maxDepth: Int32 { 8 }

    private static func setRules(_ rules: OpaquePointer?) throws(CryptoError) {
        // Dates are compared here and not there.
        let flags = UInt(X509_V_FLAG_X509_STRICT) | UInt(X509_V_FLAG_NO_CHECK_TIME)
        unsafe try OpenSSL.check(X509_VERIFY_PARAM_set_flags(rules, flags), "X509_VERIFY_PARAM_set_flags")
        unsafe try OpenSSL.check(
            X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_ANY), "X509_VERIFY_PARAM_set_purpose")
        unsafe X509_VERIFY_PARAM_set_depth(rules, maxDepth)
        unsafe X509_VERIFY_PARAM_set_auth_level(rules, securityLevel)
    }

    private func checkEndEntity() throws(CryptoError) {
        defer { OpenSSL.drainErrors() }
        let certificate = unsafe certificates[0].pointer
        // The one looks at what the certificate says of itself, the other at how it could be used all the same.
        if unsafe X509_get_extension_flags(certificate) & UInt32(EXFLAG_CA) != 0 || X509_check_ca(certificate) != 0 {
            throw .certificateNotTrusted(index: 0, reason: "it is an authority's")
        }
        // All bits where the extension is missing: any use.
        if unsafe X509_get_key_usage(certificate) & UInt32(KU_DIGITAL_SIGNATURE) == 0 {
            throw .certificateNotTrusted(index: 0, reason: "its key is not for signatures")
        }
    }

    /// Why OpenSSL found no path.
    private static func refusal(_ context: OpaquePointer) -> CryptoError {
        OpenSSL.drainErrors()
        let code = unsafe X509_STORE_CTX_get_error(context)
        let index = unsafe Int(X509_STORE_CTX_get_error_depth(context))
        if code == X509_V_ERR_CERT_SIGNATURE_FAILURE { return .certificateNotSigned(index: index) }
        let reason = unsafe X509_verify_cert_error_string(Int(code)).map { unsafe String(cString: $0) }
        return .certificateNotTrusted(index: index, reason: reason ?? "error \(code)")
    }

    /// Checks that the path that was found is this chain: OpenSSL takes certificates in any order, and leaves out some.
    private func checkIsPath(_ path: OpaquePointer) throws(CryptoError) {
        let count = unsafe Int(OPENSSL_sk_num(path))
        for (index, certificate) in certificates.enumerated() {
            guard index < count, let found = unsafe OPENSSL_sk_value(path, Int32(index)),
                unsafe X509_cmp(OpaquePointer(found), certificate.pointer) == 0
            else { throw .certificateNotTrusted(index: index, reason: "it is not a part of the path") }
        }
        guard count <= certificates.count + 1 else {
            throw .certificateNotTrusted(index: certificates.count, reason: "an authority is missing")
        }
    }

    private static func checkDates(
        _ path: OpaquePointer, _ time: UInt64, _ clockSkew: UInt64
    ) throws(CryptoError) {
        let (latest, isFarFuture) = time.addingReportingOverflow(clockSkew)
        let earliest = time > clockSkew ? time - clockSkew : 0
        for index in unsafe 0..<OPENSSL_sk_num(path) {
            guard let found = unsafe OPENSSL_sk_value(path, index),
                let dates = unsafe X509Certificate.dates(of: OpaquePointer(found))
            else { throw .malformedCertificate(index: Int(index)) }
            guard isFarFuture || dates.notBefore <= latest else { throw .certificateNotYetValid(index: Int(index)) }
            guard dates.notAfter >= earliest else { throw .certificateExpired(index: Int(index)) }
        }
    }
}
