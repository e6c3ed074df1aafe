public import MLSCrypto
import TLSPresentation

/// A certificate as anybody with a key can write it: version 3, keys of P-256 or Ed25519.
public struct ForgedCertificate: Sendable {
    /// An extension in DER.
    public struct Extension: Sendable {
        let bytes: [UInt8]

        /// - Parameter identifier: the content of its OID.
        public init(_ identifier: [UInt8], isCritical: Bool, _ value: [UInt8]) {
            bytes = DER.sequence(
                [DER.value(0x06, identifier)] + (isCritical ? [[0x01, 1, 0xff]] : []) + [DER.octets(value)])
        }

        public static func basicConstraints(pathLength: UInt8?) -> Extension {
            Extension(
                [0x55, 0x1d, 0x13], isCritical: true,
                DER.sequence([[0x01, 1, 0xff]] + (pathLength.map { [[0x02, 1, $0]] } ?? [])))
        }

        /// keyCertSign is 0x04, digitalSignature 0x80.
        public static func keyUsage(_ bits: UInt8) -> Extension {
            Extension([0x55, 0x1d, 0x0f], isCritical: true, [0x03, 2, UInt8(bits.trailingZeroBitCount), bits])
        }

        public static func subjectKey(_ key: SignaturePublicKey) -> Extension {
            Extension([0x55, 0x1d, 0x0e], isCritical: false, DER.octets(identifier(of: key)))
        }

        public static func authorityKey(_ key: SignaturePublicKey) -> Extension {
            Extension(
                [0x55, 0x1d, 0x23], isCritical: false, DER.sequence([DER.value(0x80, identifier(of: key))]))
        }

        /// URIs have the tag 6, names of hosts 2.
        public static func subjectNames(_ names: [(tag: UInt8, name: String)], isCritical: Bool = true) -> Extension {
            Extension(
                [0x55, 0x1d, 0x11], isCritical: isCritical,
                DER.sequence(names.map { DER.value(0x80 | $0.tag, Array($0.name.utf8)) }))
        }

        /// Whatever distinguishes keys.
        private static func identifier(of key: SignaturePublicKey) -> [UInt8] { Array(key.bytes.suffix(20)) }
    }

    /// The common names of both; empty for none.
    public var issuer: String
    public var subject: String
    public var dates: CertificateDates
    public var extensions: [Extension]

    public init(issuer: String, subject: String, dates: CertificateDates, extensions: [Extension]) {
        self.issuer = issuer
        self.subject = subject
        self.dates = dates
        self.extensions = extensions
    }

    /// A certificate about `key`, in DER.
    public func signed(by issuerKey: SigningKey, about key: SignaturePublicKey) throws -> [UInt8] {
        let toBeSigned = DER.sequence([
            // version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, extensions.
            DER.value(0xa0, [0x02, 1, 2]), [0x02, 1, 0x42], Self.signatureAlgorithm(issuerKey.scheme),
            Self.name(issuer),
            DER.sequence([DER.time(dates.notBefore), DER.time(dates.notAfter)]), Self.name(subject),
            DER.sequence([Self.keyAlgorithm(key.scheme), DER.bitString(key.bytes)]),
            DER.value(0xa3, DER.sequence(extensions.map(\.bytes))),
        ])
        let signature = try issuerKey.sign(toBeSigned.rawSpan)
        return DER.sequence([toBeSigned, Self.signatureAlgorithm(issuerKey.scheme), DER.bitString(signature)])
    }

    private static func name(_ name: String) -> [UInt8] {
        if name.isEmpty { return DER.sequence([]) }
        return DER.sequence([DER.value(0x31, DER.sequence([DER.commonName, DER.value(0x0c, Array(name.utf8))]))])
    }

    private static func signatureAlgorithm(_ scheme: SignatureScheme) -> [UInt8] {
        DER.sequence([scheme == .ed25519 ? DER.ed25519 : DER.ecdsaWithSHA256])
    }

    private static func keyAlgorithm(_ scheme: SignatureScheme) -> [UInt8] {
        DER.sequence(scheme == .ed25519 ? [DER.ed25519] : [DER.ecPublicKey, DER.prime256v1])
    }
}
