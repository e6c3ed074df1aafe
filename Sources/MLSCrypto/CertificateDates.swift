/// From when until when a certificate is valid, in seconds since 1970; both seconds belong to it. RFC 5280 section
/// 4.1.2.5.
public struct CertificateDates: Hashable, Sendable {
    public var notBefore: UInt64
    public var notAfter: UInt64

    public init(notBefore: UInt64, notAfter: UInt64) {
        self.notBefore = notBefore
        self.notAfter = notAfter
    }
}
