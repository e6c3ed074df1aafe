import COpenSSL
import MLSCrypto
import RelayCredentials

/// What is in an authority's directory, and how what is missing gets there.
///
/// A key and its certificate are both on disk before the one and then the other takes its place. Where a crash has parted
/// them, they are made again if the root key is there, which it was then.
struct AuthorityDirectory: Sendable {
    let files: AuthorityFiles
    let serverName: ServerName
    let configuration: AuthorityConfiguration

    // MARK: The root

    /// The root's certificate, made where there is none.
    func root(at now: UInt64) throws(AuthorityError) -> AuthorityCertificate {
        guard let root = try certificate(.root) else { return try makeRoot(at: now) }
        // Looked at now, and not only when it is needed.
        _ = try key(.rootKey, of: root, .root)
        try check(root, .root, at: now)
        return root
    }

    private func makeRoot(at now: UInt64) throws(AuthorityError) -> AuthorityCertificate {
        let present = try key(.rootKey)
        let (issuingKey, issuing) = (try key(.issuingKey), try certificate(.issuing))
        // A second root beside an issuing certificate of the first would be a mistake that every client notices.
        if present == nil, issuingKey != nil || issuing != nil {
            throw .rootKeyNeeded(path: files.path(.rootKey), reason: "\(files.path(.root)) is missing")
        }
        let key = if let present { present } else { try AuthorityKey.generate() }
        let template = CertificateTemplate(
            role: .authority(pathLength: 1), commonName: commonName("root"), subjectURI: serverName.uri,
            dates: Self.dates(from: now, configuration.rootLifetime, within: Self.allTime))
        let bytes = try AuthorityError.crypto { () throws(CryptoError) in
            unsafe try template.signed(by: key.key, of: nil, about: key.key)
        }
        let root = try AuthorityCertificate(bytes, path: files.path(.root), server: serverName)
        // It may have come from elsewhere.
        guard try isPair(key, root) else {
            throw .malformed(path: files.path(.rootKey), reason: "it is not an ECDSA key on P-256")
        }
        // Nor is it copied to where it was not.
        try write(root, .root, present == nil ? (key, .rootKey) : nil)
        return root
    }

    // MARK: The issuing authority

    /// Whoever issues, made or renewed where that is to be done.
    func issuer(below root: AuthorityCertificate, at now: UInt64) throws(AuthorityError) -> Issuer {
        if let key = try key(.issuingKey), let certificate = try certificate(.issuing) {
            if try isPair(key, certificate) {
                let issuer = Issuer(certificate: certificate, key: key)
                if let renewed = try renewed(issuer, below: root, at: now) { return renewed }
                try check(certificate, .issuing, at: now)
                return issuer
            }
            guard let rootKey = try self.key(.rootKey, of: root, .root) else {
                throw .keyDiffers(keyPath: files.path(.issuingKey), certificatePath: files.path(.issuing))
            }
            return try makeIssuer(below: root, rootKey, at: now)
        }
        guard let rootKey = try self.key(.rootKey, of: root, .root) else {
            throw .rootKeyNeeded(
                path: files.path(.rootKey),
                reason: "\(files.path(.issuingKey)) or \(files.path(.issuing)) is missing")
        }
        return try makeIssuer(below: root, rootKey, at: now)
    }

    /// Another issuer in the place of `current`; nil where there is no need, or no root key.
    /// - Throws: `rootKeyNeeded` where it has ended.
    func renewed(
        _ current: Issuer, below root: AuthorityCertificate, at now: UInt64
    ) throws(AuthorityError) -> Issuer? {
        let dates = current.certificate.dates
        let left = dates.notAfter > now ? dates.notAfter - now : 0
        guard left < (dates.notAfter - min(dates.notBefore, dates.notAfter)) / 2 else { return nil }
        // Near the root's own end another one would not last longer.
        let next = Self.dates(from: now, configuration.issuingLifetime, within: root.dates)
        guard next.notAfter > dates.notAfter else { return nil }
        if let rootKey = try key(.rootKey, of: root, .root) { return try makeIssuer(below: root, rootKey, at: now) }
        if now <= dates.notAfter { return nil }
        throw .rootKeyNeeded(
            path: files.path(.rootKey),
            reason: "\(files.path(.issuing)) ended at \(dates.notAfter) (seconds since 1970)")
    }

    private func makeIssuer(
        below root: AuthorityCertificate, _ rootKey: AuthorityKey, at now: UInt64
    ) throws(AuthorityError) -> Issuer {
        try check(root, .root, at: now)
        let key = try AuthorityKey.generate()
        let template = CertificateTemplate(
            role: .authority(pathLength: 0), commonName: commonName("issuing"), subjectURI: serverName.uri,
            dates: Self.dates(from: now, configuration.issuingLifetime, within: root.dates))
        let bytes = unsafe try Issuer(certificate: root, key: rootKey).sign(template, about: key.key)
        let certificate = try AuthorityCertificate(bytes, path: files.path(.issuing), server: serverName)
        try write(certificate, .issuing, (key, .issuingKey))
        return Issuer(certificate: certificate, key: key)
    }

    // MARK: What all certificates have

    /// Until the last second that a certificate can name: RFC 5280 section 4.1.2.5.
    private static let allTime = CertificateDates(notBefore: 0, notAfter: 253_402_300_799)

    /// From a little before `now`, for `lifetime`, but not longer than the issuer itself.
    static func dates(
        from now: UInt64, _ lifetime: UInt64, within issuer: CertificateDates
    ) -> CertificateDates {
        let (end, isNever) = now.addingReportingOverflow(lifetime)
        let begin = now > AuthorityConfiguration.backdating ? now - AuthorityConfiguration.backdating : 0
        return CertificateDates(
            notBefore: max(begin, issuer.notBefore), notAfter: isNever ? issuer.notAfter : min(end, issuer.notAfter))
    }

    /// "issuing authority of relay.example", as much of it as there is room for.
    private func commonName(_ role: String) -> [UInt8] {
        var name = ""
        for character in "\(role) authority of \(serverName)" {
            guard name.utf8.count + String(character).utf8.count <= CertificateTemplate.maxCommonNameByteCount else {
                break
            }
            name.append(character)
        }
        return Array(name.utf8)
    }

    /// - Throws: `ended`, `notYetValid`.
    func check(
        _ certificate: AuthorityCertificate, _ name: AuthorityFiles.Name, at now: UInt64
    ) throws(AuthorityError) {
        let dates = certificate.dates
        guard now <= dates.notAfter else { throw .ended(path: files.path(name), notAfter: dates.notAfter) }
        guard now >= dates.notBefore else {
            throw .notYetValid(path: files.path(name), notBefore: dates.notBefore)
        }
    }

    // MARK: Files

    private func certificate(_ name: AuthorityFiles.Name) throws(AuthorityError) -> AuthorityCertificate? {
        let path = files.path(name)
        return unsafe try files.read(name) { (text) throws(AuthorityError) in
            guard let bytes = unsafe PEM.certificate(text) else {
                throw AuthorityError.malformed(path: path, reason: "it is not a certificate in PEM")
            }
            return try AuthorityCertificate(bytes, path: path, server: serverName)
        }
    }

    private func key(_ name: AuthorityFiles.Name) throws(AuthorityError) -> AuthorityKey? {
        let path = files.path(name)
        return unsafe try files.read(name) { (text) throws(AuthorityError) in
            guard let key = unsafe PEM.key(text) else {
                throw AuthorityError.malformed(path: path, reason: "it is not a private key in PEM without a password")
            }
            return AuthorityKey(key)
        }
    }

    /// The key in one file, which has to be the one of the certificate in the other.
    private func key(
        _ name: AuthorityFiles.Name, of certificate: AuthorityCertificate, _ certificateName: AuthorityFiles.Name
    ) throws(AuthorityError) -> AuthorityKey? {
        guard let key = try key(name) else { return nil }
        if try isPair(key, certificate) { return key }
        throw .keyDiffers(keyPath: files.path(name), certificatePath: files.path(certificateName))
    }

    private func isPair(_ key: AuthorityKey, _ certificate: AuthorityCertificate) throws(AuthorityError) -> Bool {
        unsafe try certificate.hasAuthorityKey() && certificate.isAbout(key.key)
    }

    /// Puts a certificate in its place, and a new key before it.
    private func write(
        _ certificate: AuthorityCertificate, _ name: AuthorityFiles.Name,
        _ newKey: (key: AuthorityKey, name: AuthorityFiles.Name)?
    ) throws(AuthorityError) {
        unsafe try PEM.withText(of: certificate.parsed) { (text) throws(AuthorityError) in
            unsafe try files.stage(name, text)
        }
        guard let (key, keyName) = newKey else { return try files.place([name]) }
        unsafe try PEM.withText(of: key.key) { (text) throws(AuthorityError) in unsafe try files.stage(keyName, text) }
        try files.place([keyName, name])
    }
}
