public import MLSCrypto
public import RelayCredentials

/// Why an authority cannot start, or cannot issue.
public enum AuthorityError: Error, Hashable, Sendable {
    /// The relay's name is not UTF-8 of 1 to 255 bytes without control characters.
    case serverNameInvalid
    /// A lifetime is zero.
    case lifetimeInvalid
    /// The operating system does not do something with a file or directory.
    case file(path: String, operation: String, reason: String)
    /// Others than its owner may read or change a key, or change what is in the directory.
    case accessTooWide(path: String, mode: UInt32)
    /// A file is not what its name says.
    case malformed(path: String, reason: String)
    /// A certificate is about another key than the one beside it.
    case keyDiffers(keyPath: String, certificatePath: String)
    /// A certificate was made for a relay of another name.
    case otherServer(path: String)
    /// What the issuing certificate signs is not what a client with the root takes.
    case chainRefused(path: String, reason: CredentialError)
    /// Something has to be signed by the root, whose key is not there.
    case rootKeyNeeded(path: String, reason: String)
    /// A certificate is not valid any more.
    case ended(path: String, notAfter: UInt64)
    /// A certificate is not valid yet: the clock has gone back.
    case notYetValid(path: String, notBefore: UInt64)
    /// What was to be certified is not a key of the scheme.
    case invalidKey
    /// Whatever OpenSSL fails at that it should not.
    case crypto(CryptoError)
}

extension AuthorityError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .serverNameInvalid: "the relay's name is not 1 to 255 bytes of UTF-8 without control characters"
        case .lifetimeInvalid: "a lifetime of zero seconds"
        case .file(let path, let operation, let reason): "\(path): \(operation): \(reason)"
        case .accessTooWide(let path, let mode):
            "\(path) is open to others (mode \(String(mode & 0o7777, radix: 8))): allow its owner alone"
        case .malformed(let path, let reason): "\(path): \(reason)"
        case .keyDiffers(let keyPath, let certificatePath): "\(keyPath) is not the key of \(certificatePath)"
        case .otherServer(let path): "\(path) was made for a relay of another name"
        case .chainRefused(let path, let reason): "what \(path) signs does not lead to the root: \(reason)"
        case .rootKeyNeeded(let path, let reason): "\(reason), and the root key is not there: put it back as \(path)"
        case .ended(let path, let notAfter): "\(path) is not valid since \(notAfter) (seconds since 1970)"
        case .notYetValid(let path, let notBefore): "\(path) is not valid before \(notBefore) (seconds since 1970)"
        case .invalidKey: "what was to be certified is not a key of its signature scheme"
        case .crypto(let error): "\(error)"
        }
    }
}

extension AuthorityError {
    /// The result of `body`, whose errors are nobody's fault but OpenSSL's.
    static func crypto<Value: ~Copyable>(
        _ body: () throws(CryptoError) -> Value
    ) throws(AuthorityError) -> Value {
        do { return try body() } catch { throw .crypto(error) }
    }
}
