internal import MLSCrypto
internal import RelayWire
internal import TLSPresentation

/// What a new device asks another device of its user for: to be admitted. Carried by people, as a line of text.
/// ```
/// struct {
///   uint8 version = 1;
///   opaque user<V>;
///   opaque device<V>;
///   SignatureScheme scheme;
///   opaque signature_key<V>;
///   opaque checksum[8];
/// } AdmissionRequest;
/// ```
/// The text is "mlsrelay-device:" and the structure in base64url (RFC 4648 section 5) without padding. The checksum,
/// the first bytes of SHA-256 of all before, finds mistakes of people; nobody is kept from anything by it.
struct AdmissionRequest: Hashable, Sendable {
    let user: String
    let device: String
    /// Ed25519.
    let scheme: SignatureScheme
    /// The new device's key, as RFC 9420 section 5.1.1 encodes it.
    let publicKey: [UInt8]

    private static let prefix = "mlsrelay-device:"
    private static let version: UInt8 = 1
    private static let checksumByteCount = 8
    /// Characters of the longest text: names have at most 319 bytes.
    private static let maxCharacterCount = 1024

    init(of identity: Identity) {
        user = identity.user
        device = identity.device
        scheme = identity.signingKey.scheme
        publicKey = identity.signingKey.publicKey.bytes
    }

    var fingerprint: Fingerprint { Fingerprint(ofPublicKey: publicKey) }

    var text: String { Self.prefix + Base64URL.encode(encoded) }

    private var encoded: [UInt8] {
        var writer = Writer()
        writer.integer(Self.version)
        writer.opaque(user.utf8)
        writer.opaque(device.utf8)
        scheme.encode(into: &writer)
        writer.opaque(publicKey)
        writer.raw(Self.checksum(writer.bytes))
        return writer.bytes
    }

    private static func checksum(_ bytes: [UInt8]) -> [UInt8] {
        Array(SHA256.hash(bytes).bytes.prefix(checksumByteCount))
    }

    /// The request that somebody brought; white space around it does not matter.
    /// - Throws: `admissionInvalid`.
    init(_ text: String) throws(RelayClientError) {
        let line = Base64URL.trimmed(text)
        guard line.utf8.count <= Self.maxCharacterCount, line.hasPrefix(Self.prefix),
            let bytes = Base64URL.decode(line.dropFirst(Self.prefix.count))
        else { throw RelayClientError(.admissionInvalid, "the text is not a device's request") }
        do throws(DecodingError) {
            self = try Self(decoding: bytes)
        } catch {
            throw RelayClientError(.admissionInvalid, "the text is not a device's request: \(error)")
        }
    }

    private init(decoding bytes: [UInt8]) throws(DecodingError) {
        var reader = Reader(bytes.rawSpan)
        guard try reader.uint8() == Self.version else { throw reader.error(.invalidField("version")) }
        let (user, device) = (try reader.opaque(), try reader.opaque())
        guard RelayWire.Identity.isValidName(user), RelayWire.Identity.isValidClientName(device) else {
            throw reader.error(.invalidField("name"))
        }
        (self.user, self.device) = (String(decoding: user, as: UTF8.self), String(decoding: device, as: UTF8.self))
        (scheme, publicKey) = try Self.key(&reader)
        let checksum = Self.checksum(Array(bytes[..<reader.byteOffset]))
        guard try reader.bytes(count: checksum.count) == checksum else {
            throw reader.error(.invalidField("checksum"))
        }
        try reader.expectEnd()
    }

    @_lifetime(reader: copy reader)
    private static func key(_ reader: inout Reader) throws(DecodingError) -> (SignatureScheme, [UInt8]) {
        let scheme = try SignatureScheme(from: &reader)
        let key = try reader.opaque()
        do throws(CryptoError) {
            guard scheme == .ed25519 else { throw .unsupportedSignatureScheme(scheme) }
            return (scheme, try SignaturePublicKey(key.rawSpan, scheme: scheme).bytes)
        } catch {
            throw reader.error(.invalidField("signature_key"))
        }
    }
}
