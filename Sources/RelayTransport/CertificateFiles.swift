import Glibc

/// The files of a certificate and its key, looked at before OpenSSL does: it says little about why it does not take them.
enum CertificateFiles {
    static func check(_ configuration: TransportConfiguration) throws(TransportError) {
        guard configuration.needsCertificate else { return }
        guard let certificate = configuration.certificatePath, let key = configuration.privateKeyPath else {
            throw TransportError("wss and tls need a certificate and its private key", reason: .certificate)
        }
        try check(certificate, holds: "CERTIFICATE-----", as: "certificate")
        try check(key, holds: "PRIVATE KEY-----", as: "private key")
    }

    private static func check(_ path: String, holds marker: String, as what: String) throws(TransportError) {
        guard let file = fopen(path, "re") else {
            throw TransportError(
                "the \(what) \(path) cannot be read: \(String(cString: strerror(errno)))", reason: .certificate)
        }
        defer { fclose(file) }
        // Chains are longer; the first certificate stands in the beginning.
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        guard String(decoding: bytes[..<count], as: UTF8.self).contains(marker) else {
            throw TransportError("\(path) holds no \(what) in PEM", reason: .certificate)
        }
    }

    /// What to say when OpenSSL does not take the files.
    static func refused(_ configuration: TransportConfiguration, because lines: [String]) -> TransportError {
        let files =
            "the certificate \(configuration.certificatePath ?? "") or its private key \(configuration.privateKeyPath ?? "")"
        let reason = lines.isEmpty ? "" : ": \(lines.joined(separator: "; "))"
        return TransportError("\(files) cannot be used\(reason)", reason: .certificate)
    }
}
