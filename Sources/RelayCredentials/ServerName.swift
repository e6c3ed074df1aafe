/// The name of a relay, as its clients are configured with it. PROTOCOL.md section 4.2.
public struct ServerName: Hashable, Sendable, CustomStringConvertible {
    /// Bytes of a relay's name, at least 1.
    public static let maxByteCount = 255

    /// UTF-8.
    public let bytes: [UInt8]

    /// - Throws: `serverNameInvalid`.
    public init(_ name: String) throws(CredentialError) {
        let bytes = Array(name.utf8)
        guard NameRule.allows(bytes, byteCounts: 1...Self.maxByteCount) else { throw .serverNameInvalid }
        self.bytes = bytes
    }

    /// What every URI of a relay and its clients begins with.
    package static let uriScheme = Array("mlsrelay://".utf8)

    /// `mlsrelay://<server name>`, percent-encoded as in a `CredentialSubject`: how an authority names its relay.
    package var uri: [UInt8] { Self.uriScheme + PercentEncoding.encode(bytes) }

    public var description: String { String(decoding: bytes, as: UTF8.self) }
}

/// What all names have in common.
enum NameRule {
    /// Whether `name` is UTF-8 of so many bytes without control characters.
    static func allows(_ name: [UInt8], byteCounts: ClosedRange<Int>) -> Bool {
        guard byteCounts.contains(name.count), let text = String(validating: name, as: UTF8.self) else { return false }
        // The general category Cc, whole.
        return !text.unicodeScalars.contains { $0.value < 0x20 || (0x7f...0x9f).contains($0.value) }
    }
}
