import MLSCrypto
import RelayWire
import TLSPresentation

/// What a device gives to another one of its user that asked for it with an `AdmissionRequest`: carried by people, as a
/// line of text. No secret: it is of use to the device with that key alone.
/// ```
/// struct { uint8 version = 1; uint64 client; uint64 not_after; opaque signature<V>; opaque checksum[8]; } AdmissionGrant;
/// ```
/// The text is "mlsrelay-admission:" and the structure in base64url without padding.
struct AdmissionGrant: Hashable {
    /// The device that admits.
    let client: ClientNumber
    let notAfter: Timestamp
    /// Over an `AdmissionTBS`.
    let signature: [UInt8]

    private static let prefix = "mlsrelay-admission:"
    private static let version: UInt8 = 1
    private static let checksumByteCount = 8
    /// Characters of the longest text.
    private static let maxCharacterCount = 1024

    var text: String {
        var writer = Writer()
        writer.integer(Self.version)
        client.encode(into: &writer)
        notAfter.encode(into: &writer)
        writer.opaque(signature)
        return Self.prefix + Base64URL.encode(writer.bytes + Self.checksum(writer.bytes))
    }

    init(client: ClientNumber, notAfter: Timestamp, signature: [UInt8]) {
        self.client = client
        self.notAfter = notAfter
        self.signature = signature
    }

    /// The grant that somebody brought; white space around it does not matter.
    /// - Throws: `admissionInvalid`.
    init(text: String) throws(RelayClientError) {
        let line = Base64URL.trimmed(text)
        guard line.utf8.count <= Self.maxCharacterCount, line.hasPrefix(Self.prefix),
            let bytes = Base64URL.decode(line.dropFirst(Self.prefix.count)), bytes.count > Self.checksumByteCount
        else { throw RelayClientError(.admissionInvalid, "the text is not a device's admission") }
        let content = Array(bytes.dropLast(Self.checksumByteCount))
        guard Array(bytes.suffix(Self.checksumByteCount)) == Self.checksum(content) else {
            throw RelayClientError(.admissionInvalid, "the text of the admission is not whole")
        }
        do throws(DecodingError) {
            var reader = Reader(content.rawSpan)
            try reader.expectVersion(Self.version, "AdmissionGrant")
            client = try ClientNumber(from: &reader)
            notAfter = try Timestamp(from: &reader)
            signature = try reader.opaque()
            try reader.expectEnd()
        } catch {
            throw RelayClientError(.admissionInvalid, "the text is not a device's admission: \(error)")
        }
    }

    private static func checksum(_ bytes: [UInt8]) -> [UInt8] {
        Array(SHA256.hash(bytes).bytes.prefix(checksumByteCount))
    }
}

extension Admission {
    /// The admission as a Register has it. PROTOCOL.md section 4.3.
    /// - Throws: `admissionInvalid` where the text is none.
    var wire: RelayWire.Admission {
        get throws(RelayClientError) {
            switch self {
            case .open: return .open
            case .token(let text): return .token(try Self.token(text))
            case .device(let text):
                let grant = try AdmissionGrant(text: text)
                return .client(grant.client, notAfter: grant.notAfter, signature: grant.signature)
            }
        }
    }

    /// The token, which operators hand out in hexadecimal.
    private static func token(_ text: String) throws(RelayClientError) -> [UInt8] {
        guard let token = [UInt8](hex: Base64URL.trimmed(text)), token.count <= WireLimits.maxTokenByteCount else {
            throw RelayClientError(.admissionInvalid, "a token is an even number of hexadecimal digits")
        }
        return token
    }
}
