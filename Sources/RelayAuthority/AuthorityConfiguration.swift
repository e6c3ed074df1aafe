/// How long what an authority signs is valid, in seconds.
public struct AuthorityConfiguration: Hashable, Sendable {
    private static let day: UInt64 = 86_400

    /// A root is in every client's configuration, and takes as long to replace.
    public static let defaultRootLifetime = 3652 * day
    /// An issuing key is on a machine in the net: it is replaced when half of this is over.
    public static let defaultIssuingLifetime = 730 * day
    /// How long before the issuing certificate's end there is a warning, if nobody could renew it.
    public static let defaultWarningTime = 90 * day
    /// How long before now what is signed begins to be valid, for those whose clocks are behind.
    public static let backdating: UInt64 = 300

    public var rootLifetime: UInt64
    public var issuingLifetime: UInt64
    public var warningTime: UInt64

    public init(
        rootLifetime: UInt64 = defaultRootLifetime, issuingLifetime: UInt64 = defaultIssuingLifetime,
        warningTime: UInt64 = defaultWarningTime
    ) {
        self.rootLifetime = rootLifetime
        self.issuingLifetime = issuingLifetime
        self.warningTime = warningTime
    }
}

/// What an operator should do something about, while all still works. Times are seconds since 1970.
public enum AuthorityWarning: Hashable, Sendable, CustomStringConvertible {
    /// The issuing certificate ends soon, and to renew it takes the root key.
    case issuingCertificateEnds(notAfter: UInt64, rootKeyPath: String)
    /// The root certificate ends soon, and every client has to be given another one.
    case rootCertificateEnds(notAfter: UInt64, path: String)

    public var description: String {
        switch self {
        case .issuingCertificateEnds(let notAfter, let path):
            "the issuing certificate ends at \(notAfter) (seconds since 1970): put the root key back as \(path)"
        case .rootCertificateEnds(let notAfter, let path):
            "the root certificate \(path) ends at \(notAfter) (seconds since 1970): give all clients another one"
        }
    }
}
