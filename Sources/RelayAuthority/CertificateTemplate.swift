import COpenSSL
import Glibc
import MLSCrypto
import TLSPresentation

/// What a certificate is going to say, but for its key and who signs it. RFC 5280 section 4.
struct CertificateTemplate {
    enum Role {
        /// An authority below which so many others may stand.
        case authority(pathLength: UInt8)
        case endEntity
    }

    /// Bytes of a serial number, of which RFC 5280 section 4.1.2.2 allows 20.
    static let serialByteCount = 20
    /// Bytes of a common name: RFC 5280 appendix A.1.
    static let maxCommonNameByteCount = 64

    var role: Role
    /// UTF-8; empty for a subject without a name, whose alternative name is then all there is, and critical.
    var commonName: [UInt8]
    /// ASCII.
    var subjectURI: [UInt8]
    var dates: CertificateDates
    let serial = CertificateTemplate.randomSerial()

    /// A positive number that needs all of its bytes, so that it looks alike in every form.
    private static func randomSerial() -> [UInt8] {
        var serial = randomBytes(serialByteCount)
        serial[0] = serial[0] & 0x3f | 0x40
        return serial
    }

    /// The certificate in DER.
    /// - Parameter issuer: nil for one that is signed by its own key.
    func signed(
        by key: borrowing EVPKey, of issuer: X509Certificate?, about subjectKey: borrowing EVPKey
    ) throws(CryptoError) -> [UInt8] {
        let certificate = unsafe try OpenSSL.check(X509_new(), "X509_new")
        defer { unsafe X509_free(certificate) }
        // Version 3 is written as 2.
        unsafe try OpenSSL.check(X509_set_version(certificate, 2), "X509_set_version")
        unsafe try OpenSSL.check(
            ASN1_STRING_set(X509_get_serialNumber(certificate), serial, Int32(serial.count)), "ASN1_STRING_set")
        unsafe try set(dates.notBefore, X509_getm_notBefore(certificate))
        unsafe try set(dates.notAfter, X509_getm_notAfter(certificate))
        let subject = unsafe X509_get_subject_name(certificate)
        unsafe try setName(subject)
        let issuerName = unsafe issuer.map { unsafe X509_get_subject_name($0.pointer) } ?? subject
        unsafe try OpenSSL.check(X509_set_issuer_name(certificate, issuerName), "X509_set_issuer_name")
        unsafe try OpenSSL.check(X509_set_pubkey(certificate, subjectKey.pointer), "X509_set_pubkey")
        unsafe try addExtensions(to: certificate, issuer)
        // The length of the signature, or 0.
        let isSigned = unsafe X509_sign(certificate, key.pointer, EVP_sha256()) > 0
        try OpenSSL.check(isSigned ? 1 : 0, "X509_sign")
        guard let bytes = unsafe DER.bytes(of: certificate) else { throw OpenSSL.failure(of: "i2d_X509") }
        return bytes
    }

    private func set(_ seconds: UInt64, _ field: UnsafeMutablePointer<ASN1_TIME>?) throws(CryptoError) {
        let time = time_t(clamping: seconds)
        guard unsafe ASN1_TIME_set(field, time) != nil else { throw OpenSSL.failure(of: "ASN1_TIME_set") }
    }

    private func setName(_ name: OpaquePointer?) throws(CryptoError) {
        if commonName.isEmpty { return }
        for (kind, value) in [(NID_organizationName, Array("mlsrelay".utf8)), (NID_commonName, commonName)] {
            unsafe try OpenSSL.check(
                X509_NAME_add_entry_by_NID(name, kind, MBSTRING_UTF8, value, Int32(value.count), -1, 0),
                "X509_NAME_add_entry_by_NID")
        }
    }

    // MARK: Extensions

    private func addExtensions(to certificate: OpaquePointer, _ issuer: X509Certificate?) throws(CryptoError) {
        switch role {
        case .authority(let pathLength):
            unsafe try add(
                NID_basic_constraints, DER.sequence(DER.trueValue, DER.integer(pathLength)), isCritical: true,
                to: certificate)
            // keyCertSign and cRLSign: bits 5 and 6.
            unsafe try add(NID_key_usage, DER.bits(0x06, unused: 1), isCritical: true, to: certificate)
        case .endEntity:
            unsafe try add(NID_basic_constraints, DER.sequence(), isCritical: true, to: certificate)
            // digitalSignature: bit 0.
            unsafe try add(NID_key_usage, DER.bits(0x80, unused: 7), isCritical: true, to: certificate)
        }
        unsafe try add(
            NID_subject_key_identifier, DER.octets(Self.keyIdentifier(of: certificate)), to: certificate)
        if let issuer {
            // [0] of AuthorityKeyIdentifier. A certificate that signs itself needs none (section 4.2.1.1).
            let identifier = unsafe try Self.statedKeyIdentifier(of: issuer.pointer)
            unsafe try add(
                NID_authority_key_identifier, DER.sequence(DER.context(0, identifier)), to: certificate)
        }
        // [6] of GeneralName. "If the subject field contains an empty sequence, … the subjectAltName extension MUST be
        // marked as critical" (section 4.2.1.6).
        unsafe try add(
            NID_subject_alt_name, DER.sequence(DER.context(6, subjectURI)), isCritical: commonName.isEmpty,
            to: certificate)
    }

    private func add(
        _ kind: Int32, _ value: [UInt8], isCritical: Bool = false, to certificate: OpaquePointer
    ) throws(CryptoError) {
        guard let octets = unsafe ASN1_OCTET_STRING_new() else { throw OpenSSL.failure(of: "ASN1_OCTET_STRING_new") }
        defer { unsafe ASN1_OCTET_STRING_free(octets) }
        unsafe try OpenSSL.check(
            ASN1_OCTET_STRING_set(octets, value, Int32(value.count)), "ASN1_OCTET_STRING_set")
        let one = unsafe try OpenSSL.check(
            X509_EXTENSION_create_by_NID(nil, kind, isCritical ? 1 : 0, octets), "X509_EXTENSION_create_by_NID")
        defer { unsafe X509_EXTENSION_free(one) }
        unsafe try OpenSSL.check(X509_add_ext(certificate, one, -1), "X509_add_ext")
    }

    /// SHA-1 of the subject's key, as everybody computes it: RFC 5280 section 4.2.1.2. Nothing rests on its strength.
    private static func keyIdentifier(of certificate: OpaquePointer) throws(CryptoError) -> [UInt8] {
        var identifier = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        unsafe try OpenSSL.check(
            X509_pubkey_digest(certificate, EVP_sha1(), &identifier, &count), "X509_pubkey_digest")
        return Array(identifier.prefix(Int(count)))
    }

    /// What an issuer calls its key.
    private static func statedKeyIdentifier(of issuer: OpaquePointer) throws(CryptoError) -> [UInt8] {
        guard let stated = unsafe X509_get0_subject_key_id(issuer) else { return unsafe try keyIdentifier(of: issuer) }
        return unsafe [UInt8](
            UnsafeBufferPointer(start: ASN1_STRING_get0_data(stated), count: Int(ASN1_STRING_length(stated))))
    }
}
