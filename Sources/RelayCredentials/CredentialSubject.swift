/// Whose a credential is: a client of a user. RFC 9750 section 3.7: the unit of MLS is the client, and a user has many.
///
/// In a certificate it is the URI among the subject's alternative names (RFC 5280 section 4.2.1.6), because a user's name
/// may be longer than a common name can be:
/// ```
/// mlsrelay://<server name>/<user name>/<client name>
/// ```
/// Each name is percent-encoded but for RFC 3986's unreserved characters, with upper-case digits, so that there is one
/// way to write each subject. The names are bytes: two that only look alike are two.
public struct CredentialSubject: Hashable, Sendable {
    /// Bytes of a user's name, at least 1.
    public static let maxUserNameByteCount = 255
    /// Bytes of a client's name.
    public static let maxClientNameByteCount = 64

    /// UTF-8, 1 to 255 bytes, no control characters.
    public let userName: [UInt8]
    /// UTF-8, at most 64 bytes, no control characters; empty where the user has no names for its clients.
    public let clientName: [UInt8]

    /// - Throws: `userNameInvalid`, `clientNameInvalid`.
    public init(userName: [UInt8], clientName: [UInt8] = []) throws(CredentialError) {
        guard NameRule.allows(userName, byteCounts: 1...Self.maxUserNameByteCount) else { throw .userNameInvalid }
        guard NameRule.allows(clientName, byteCounts: 0...Self.maxClientNameByteCount) else {
            throw .clientNameInvalid
        }
        self.userName = userName
        self.clientName = clientName
    }
}

extension CredentialSubject {
    /// The longest URI: each byte of each name takes three.
    private static let maxURIByteCount =
        ServerName.uriScheme.count + 3 * (ServerName.maxByteCount + maxUserNameByteCount + maxClientNameByteCount) + 2

    /// The subject as a certificate of `server` has it. ASCII.
    public func uri(of server: ServerName) -> [UInt8] {
        server.uri + [UInt8(ascii: "/")] + PercentEncoding.encode(userName) + [UInt8(ascii: "/")]
            + PercentEncoding.encode(clientName)
    }

    /// The subject that `uri` is of, which a stranger may have written.
    /// - Throws: `subjectMalformed` where it is not what `uri(of:)` gives, `otherServer`.
    public init(uri: [UInt8], of server: ServerName) throws(CredentialError) {
        guard uri.count <= Self.maxURIByteCount, uri.starts(with: ServerName.uriScheme) else { throw .subjectMalformed }
        let parts = uri.dropFirst(ServerName.uriScheme.count).split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count == 3, let serverName = PercentEncoding.decode(parts[0]),
            let userName = PercentEncoding.decode(parts[1]), let clientName = PercentEncoding.decode(parts[2])
        else { throw .subjectMalformed }
        guard serverName == server.bytes else { throw .otherServer }
        do {
            try self.init(userName: userName, clientName: clientName)
        } catch {
            throw .subjectMalformed
        }
        // There is one way to write it: 61 is not %61, nor %c3 the same as %C3.
        guard self.uri(of: server) == uri else { throw .subjectMalformed }
    }
}

/// RFC 3986 section 2.1.
enum PercentEncoding {
    private static let digits = Array("0123456789ABCDEF".utf8)
    private static let percent = UInt8(ascii: "%")

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }

    /// All but unreserved characters as %XX.
    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var encoded: [UInt8] = []
        for byte in bytes {
            if isUnreserved(byte) {
                encoded.append(byte)
            } else {
                encoded += [percent, digits[Int(byte >> 4)], digits[Int(byte & 0x0f)]]
            }
        }
        return encoded
    }

    /// Nil where a % has no two upper-case digits behind it, or something stands there that needs one.
    static func decode(_ encoded: ArraySlice<UInt8>) -> [UInt8]? {
        var decoded: [UInt8] = []
        var rest = encoded
        while let byte = rest.popFirst() {
            if isUnreserved(byte) {
                decoded.append(byte)
                continue
            }
            guard byte == percent, let high = digit(rest.popFirst()), let low = digit(rest.popFirst()) else {
                return nil
            }
            decoded.append(high << 4 | low)
        }
        return decoded
    }

    private static func digit(_ byte: UInt8?) -> UInt8? {
        byte.flatMap(digits.firstIndex).map { UInt8($0) }
    }
}
