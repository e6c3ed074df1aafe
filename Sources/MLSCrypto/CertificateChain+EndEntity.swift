import COpenSSL
import Glibc

/// What the client's own certificate says, which is nothing as long as the chain is not verified.
extension CertificateChain {
    /// - Throws: `malformedCertificate` where a date is not as RFC 5280 section 4.1.2.5 has it.
    public func dates() throws(CryptoError) -> CertificateDates {
        guard let dates = unsafe X509Certificate.dates(of: certificates[0].pointer) else {
            throw .malformedCertificate(index: 0)
        }
        return dates
    }

    /// The serial number with its most significant byte first and no zeros before it.
    public var serialNumber: [UInt8] {
        guard let number = unsafe X509_get0_serialNumber(certificates[0].pointer) else { return [] }
        return unsafe X509Certificate.content(of: number)
    }

    /// The URIs among the subject's alternative names, as they stand there; none where the extension is missing, cannot
    /// be parsed or is there twice. RFC 5280 section 4.2.1.6.
    public var subjectURIs: [[UInt8]] {
        defer { OpenSSL.drainErrors() }
        guard let extracted = unsafe X509_get_ext_d2i(certificates[0].pointer, NID_subject_alt_name, nil, nil) else {
            return []
        }
        let names = OpaquePointer(extracted)
        defer { unsafe GENERAL_NAMES_free(names) }
        var identifiers: [[UInt8]] = []
        let count = unsafe OPENSSL_sk_num(names)
        for index in 0..<max(0, count) {
            var type: Int32 = -1
            guard
                let name = unsafe OPENSSL_sk_value(names, index)?.assumingMemoryBound(to: GENERAL_NAME.self),
                let value = unsafe GENERAL_NAME_get0_value(name, &type), type == GEN_URI
            else { continue }
            unsafe identifiers.append(X509Certificate.content(of: value.assumingMemoryBound(to: ASN1_STRING.self)))
        }
        return identifiers
    }
}

extension X509Certificate {
    /// Nil where a date has another form than the two of RFC 5280, UTC to the second.
    static func dates(of certificate: OpaquePointer) -> CertificateDates? {
        guard let notBefore = unsafe seconds(X509_get0_notBefore(certificate)),
            let notAfter = unsafe seconds(X509_get0_notAfter(certificate))
        else { return nil }
        return CertificateDates(notBefore: notBefore, notAfter: notAfter)
    }

    /// Seconds since 1970; 0 for all that was before.
    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> UInt64? {
        defer { OpenSSL.drainErrors() }
        var now: time_t = 0
        var parts = unsafe tm()
        // The comparison is the one that is strict about the form.
        guard unsafe X509_cmp_time(time, &now) != 0, unsafe ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return unsafe UInt64(max(0, timegm(&parts)))
    }

    /// The bytes of a string, or of a number's magnitude.
    static func content(of value: UnsafePointer<ASN1_STRING>) -> [UInt8] {
        unsafe [UInt8](
            UnsafeBufferPointer(start: ASN1_STRING_get0_data(value), count: max(0, Int(ASN1_STRING_length(value)))))
    }
}
