public import MLSCodec
public import MLSPublicGroup
public import RelayWire
import TLSPresentation

/// What a KeyPackage must be to be kept for others. RFC 9420 sections 10.1 and 7.3, and what is this relay's.
///
/// Signatures are verified here, so this is asked on the publisher's loop, not by the writer.
public struct KeyPackagePolicy: Sendable {
    /// With the Authentication Service, which also says whose a credential is; its clock is not used.
    public var validation: ValidationPolicy
    public var cipherSuites: Set<CipherSuite>
    /// How many seconds a KeyPackage must still be good for: less, and it is over before it is of use.
    public var minLifetime: UInt64 = 3600

    public init(validation: ValidationPolicy, cipherSuites: Set<CipherSuite> = Self.allCipherSuites) {
        self.validation = validation
        self.cipherSuites = cipherSuites
    }

    /// Those of RFC 9420 section 17.1.
    public static let allCipherSuites = Set((1...7).map { CipherSuite(rawValue: $0) })

    /// Why a relay does not take this KeyPackage from a client; nil if it does.
    /// - Parameters:
    ///   - message: an MLSMessage with it.
    ///   - identity: of the client that publishes it: its user's name and its key at present.
    public func refusal(of message: RawSpan, by identity: Identity, at now: Timestamp) -> RelayError? {
        guard case .keyPackage(let keyPackage)? = try? MLSMessage(decoding: message) else {
            return .keyPackageInvalid("malformed", "Not a KeyPackage.")
        }
        // What costs least comes first.
        guard cipherSuites.contains(keyPackage.cipherSuite) else {
            return .keyPackageInvalid(
                ValidationRule.keyPackageSuite.rawValue, "This relay keeps no KeyPackages of its cipher suite.")
        }
        guard keyPackage.leafNode.signatureKey == identity.signatureKey else {
            return .keyPackageInvalid(.signatureKey)
        }
        let seconds = now.rawValue / 1000
        guard case .keyPackage(let lifetime) = keyPackage.leafNode.source else {
            return .keyPackageInvalid(
                ValidationRule.keyPackageSource.rawValue, "Its leaf node is none of a KeyPackage.")
        }
        guard lifetime.notAfter >= seconds, lifetime.notAfter - seconds >= minLifetime else {
            return .keyPackageInvalid(.notAfter)
        }
        var policy = validation
        policy.clock = { seconds }
        do throws(GroupError) {
            try keyPackage.validate(policy: policy)
        } catch {
            return .invalid(.keyPackageInvalid, "The KeyPackage is not valid", error)
        }
        guard policy.authenticationService.identity(of: keyPackage.leafNode.credential) == identity.name else {
            return .keyPackageInvalid(
                ValidationRule.credential.rawValue, "Its credential is not of the user that publishes it.")
        }
        return nil
    }
}

/// What a relay asks of a KeyPackage beside RFC 9420, as the rule of a RuleDetail.
enum KeyPackageRule: String {
    /// Its leaf has the key that its client logs in with.
    case signatureKey = "signature-key"
    /// It is good for some time yet.
    case notAfter = "not-after"
}

extension RelayError {
    static func keyPackageInvalid(_ rule: KeyPackageRule) -> RelayError {
        switch rule {
        case .signatureKey: .keyPackageInvalid(rule.rawValue, "Its leaf node has another key than the client.")
        case .notAfter: .keyPackageInvalid(rule.rawValue, "Its lifetime is over, or will be soon.")
        }
    }

    static func keyPackageInvalid(_ rule: String, _ text: String) -> RelayError {
        RelayError(.keyPackageInvalid, text, detail: RuleDetail(rule: Array(rule.utf8)).encoded)
    }
}

extension Timestamp {
    /// - Parameter seconds: as RFC 9420 counts, since 1970.
    public init(seconds: UInt64) {
        let (milliseconds, isTooLarge) = seconds.multipliedReportingOverflow(by: 1000)
        self.init(rawValue: isTooLarge ? .max : milliseconds)
    }
}
