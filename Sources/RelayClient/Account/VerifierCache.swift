import MLSCrypto
import RelayCredentials
import Synchronization

/// The verifiers that were made last, shared by all copies of an account: each entry of each group wants one, and a root
/// takes longer to read than most entries to verify.
final class VerifierCache: Sendable {
    /// All that makes a verifier what it is.
    struct Source: Hashable {
        let serverName: [UInt8]
        let root: [UInt8]
        let acceptsBasic: Bool

        /// - Throws: `serverNameInvalid`, `rootMalformed`.
        fileprivate func makeVerifier() throws(CredentialError) -> CredentialVerifier {
            try CredentialVerifier(
                serverName: String(decoding: serverName, as: UTF8.self), root: root.isEmpty ? nil : root,
                acceptsBasic: acceptsBasic)
        }
    }

    /// More there are not at a time: one for groups, and one for those whom this device adds itself.
    private static let capacity = 2

    private let verifiers = Mutex<[Source: CredentialVerifier]>([:])

    func verifier(_ source: Source) throws(CredentialError) -> CredentialVerifier {
        if let known = verifiers.withLock({ $0[source] }) { return known }
        let verifier = try source.makeVerifier()
        verifiers.withLock { verifiers in
            if verifiers.count >= Self.capacity { verifiers = [:] }
            verifiers[source] = verifier
        }
        return verifier
    }
}

extension VerifierCache: Equatable {
    /// What is remembered makes no difference.
    static func == (left: VerifierCache, right: VerifierCache) -> Bool { true }
}
