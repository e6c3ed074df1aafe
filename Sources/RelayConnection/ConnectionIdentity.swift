public import MLSCrypto
public import RelayWire

/// Who a client is: a name, and the key that signs for it. PROTOCOL.md section 4.3.
///
/// Whoever has the key is the client. It is never printed.
public struct ConnectionIdentity: Sendable {
    /// 1 to 255 bytes of UTF-8, without control characters.
    public let name: String
    public let key: SigningKey

    /// - Throws: `nameInvalid`.
    public init(name: String, key: SigningKey) throws(ConnectionIdentityError) {
        guard Identity.isValidName(Array(name.utf8)) else { throw .nameInvalid }
        self.name = name
        self.key = key
    }

    /// A new identity with a new key.
    /// - Throws: `nameInvalid`, `crypto`.
    public static func generate(
        name: String, scheme: SignatureScheme = .ed25519
    ) throws(ConnectionIdentityError) -> ConnectionIdentity {
        let key: SigningKey
        do throws(CryptoError) {
            key = try .generate(scheme)
        } catch {
            throw .crypto(error)
        }
        return try ConnectionIdentity(name: name, key: key)
    }

    /// What the relay knows of it.
    public var identity: Identity {
        Identity(name: Array(name.utf8), scheme: key.scheme, signatureKey: key.publicKey.bytes)
    }
}

extension ConnectionIdentity: CustomStringConvertible {
    public var description: String { "\(name) (\(key))" }
}

/// Why an identity could not be made, saved or loaded.
public enum ConnectionIdentityError: Error, Hashable, Sendable {
    /// The name is empty, longer than 255 bytes, or has control characters.
    case nameInvalid
    case crypto(CryptoError)
    /// There is a file already, which may hold the only copy of a key.
    case fileExists
    /// Others than its owner may read or change the file: the key may be known to them.
    case fileExposed(permissions: UInt32)
    /// The file does not hold an identity of a version that is known here.
    case fileMalformed
    /// A call to the operating system failed, with this `errno`.
    case system(call: String, code: Int32)
}

extension ConnectionIdentityError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .nameInvalid: "a name has 1 to 255 bytes and no control characters"
        case .crypto(let error): "the key cannot be used: \(error)"
        case .fileExists: "there is a file of that name already"
        case .fileExposed(let permissions): "others may read the file (permissions \(String(permissions, radix: 8)))"
        case .fileMalformed: "the file does not hold an identity"
        case .system(let call, let code): "\(call) failed with errno \(code)"
        }
    }
}
