internal import MLSCrypto
internal import TLSPresentation

/// An identity as it is saved.
/// ```
/// enum { key(1), passphrase(2), (255) } ProtectionKind;
///
/// struct {
///   opaque magic[16] = "mlsrelay.device\n";
///   uint16 version = 1;
///   ProtectionKind kind;
///   select (IdentityFile.kind) {
///     case key: struct {};
///     case passphrase: uint8 cost_exponent; uint16 block_size; uint16 parallelism; opaque salt[16];
///   };
///   opaque sealed_identity<V>;
///   opaque checksum[32];
/// } IdentityFile;
/// ```
/// `sealed_identity` is a `SealedRecord` of an `IdentitySecrets`, which authenticates all that stands before it. The
/// checksum, SHA-256 of all before, tells a damaged file from a wrong passphrase; it protects nothing.
struct IdentityFile: Hashable {
    /// How the key that opens the file comes from what the user has.
    enum Lock: Hashable {
        case key
        case passphrase(Scrypt.Parameters, salt: [UInt8])
    }

    let lock: Lock
    let sealedIdentity: [UInt8]

    /// A tenth of a second and 32 MiB for each guess.
    static let defaultStretching = Scrypt.Parameters(costExponent: 15, blockSize: 8, parallelism: 1)
    /// Bytes of the largest file: names and keys have less than 500.
    static let maxByteCount = 4096

    private static let magic = Array("mlsrelay.device\n".utf8)
    private static let version: UInt16 = 1
    private static let saltByteCount = 16
    // What a file may ask for, so that a hostile one takes seconds and not the machine.
    private static let maxMemoryByteCount: UInt64 = 256 << 20
    private static let maxParallelism: UInt16 = 4

    // MARK: Bytes

    /// - Throws: `damaged`.
    init(decoding bytes: [UInt8]) throws(RelayClientError) {
        do throws(DecodingError) {
            var reader = Reader(bytes.rawSpan)
            lock = try Self.readHead(&reader)
            sealedIdentity = try reader.opaque()
            let checksum = SHA256.hash(Array(bytes[..<reader.byteOffset]))
            guard try SHA256Digest(from: &reader) == checksum else { throw reader.error(.invalidField("checksum")) }
            try reader.expectEnd()
        } catch {
            throw RelayClientError(.damaged, "the file does not hold an identity: \(error)")
        }
    }

    var encoded: [UInt8] {
        var writer = Writer(Self.head(lock))
        writer.opaque(sealedIdentity)
        SHA256.hash(writer.bytes).encode(into: &writer)
        return writer.bytes
    }

    private static func head(_ lock: Lock) -> [UInt8] {
        var writer = Writer(magic)
        writer.integer(version)
        switch lock {
        case .key: writer.integer(1 as UInt8)
        case .passphrase(let parameters, let salt):
            writer.integer(2 as UInt8)
            writer.integer(parameters.costExponent)
            writer.integer(parameters.blockSize)
            writer.integer(parameters.parallelism)
            writer.raw(salt)
        }
        return writer.bytes
    }

    @_lifetime(reader: copy reader)
    private static func readHead(_ reader: inout Reader) throws(DecodingError) -> Lock {
        guard try reader.bytes(count: magic.count) == magic else { throw reader.error(.invalidField("magic")) }
        guard try reader.uint16() == version else { throw reader.error(.invalidField("version")) }
        switch try reader.uint8() {
        case 1: return .key
        case 2: return .passphrase(try readParameters(&reader), salt: try reader.bytes(count: saltByteCount))
        default: throw reader.error(.invalidField("kind"))
        }
    }

    @_lifetime(reader: copy reader)
    private static func readParameters(_ reader: inout Reader) throws(DecodingError) -> Scrypt.Parameters {
        let parameters = Scrypt.Parameters(
            costExponent: try reader.uint8(), blockSize: try reader.uint16(), parallelism: try reader.uint16())
        guard parameters.memoryByteCount <= maxMemoryByteCount, parameters.parallelism <= maxParallelism else {
            throw reader.error(.invalidField("parameters"))
        }
        return parameters
    }

    // MARK: The identity in it

    /// - Throws: `passphraseWrong` for a key that has not 32 bytes; `fileUnusable` where there is not the memory.
    init(
        sealing identity: Identity, with protection: Identity.Protection, stretching: Scrypt.Parameters
    ) throws(RelayClientError) {
        lock = Self.newLock(for: protection, stretching)
        var cipher = RecordCipher(key: try Self.key(protection, for: lock))
        let secrets = try IdentitySecrets.encoding(of: identity)
        let head = Self.head(lock)
        sealedIdentity = cipher.seal(secrets.bytes, authenticating: head.rawSpan)
    }

    /// - Throws: `passphraseWrong`, `damaged`, `fileUnusable` where there is not the memory.
    func open(with protection: Identity.Protection) throws(RelayClientError) -> Identity {
        var cipher = RecordCipher(key: try Self.key(protection, for: lock))
        let head = Self.head(lock)
        let secrets: SharedSecret
        do throws(CryptoError) {
            secrets = try cipher.open(sealedIdentity.rawSpan, authenticating: head.rawSpan)
        } catch {
            throw Self.wrong
        }
        return try IdentitySecrets.identity(in: secrets.bytes)
    }

    private static var wrong: RelayClientError {
        RelayClientError(.passphraseWrong, "it is not what the identity was saved with")
    }

    private static func newLock(for protection: Identity.Protection, _ stretching: Scrypt.Parameters) -> Lock {
        switch protection {
        case .key: .key
        case .passphrase: .passphrase(stretching, salt: randomBytes(saltByteCount))
        }
    }

    /// What the file is sealed with.
    private static func key(
        _ protection: Identity.Protection, for lock: Lock
    ) throws(RelayClientError) -> SharedSecret {
        switch (protection, lock) {
        case (.key(let bytes), .key):
            guard bytes.count == RecordCipher.keyByteCount else {
                throw RelayClientError(.passphraseWrong, "a key has \(RecordCipher.keyByteCount) bytes")
            }
            return SharedSecret(copying: bytes.rawSpan)
        case (.passphrase(let passphrase), .passphrase(let parameters, let salt)):
            return try stretch(passphrase, salt, parameters)
        case (.key, .passphrase): throw RelayClientError(.passphraseWrong, "a passphrase opens the file, not a key")
        case (.passphrase, .key): throw RelayClientError(.passphraseWrong, "a key opens the file, not a passphrase")
        }
    }

    private static func stretch(
        _ passphrase: String, _ salt: [UInt8], _ parameters: Scrypt.Parameters
    ) throws(RelayClientError) -> SharedSecret {
        // A copy that is erased when it ends; what the caller has is the caller's.
        let secret = SharedSecret(copying: Array(passphrase.utf8).rawSpan)
        do throws(CryptoError) {
            return try Scrypt.key(
                of: secret.bytes, salt: salt.rawSpan, parameters, byteCount: RecordCipher.keyByteCount)
        } catch {
            throw RelayClientError(.fileUnusable, "the passphrase could not be stretched: \(error)")
        }
    }
}
