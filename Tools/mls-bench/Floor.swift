import COpenSSL
import MLSCodec
import MLSCrypto

/// What libcrypto alone needs for each operation that the engine cannot do without, with keys and contexts that are
/// kept: microseconds of processor time. Rows add them up to their floors.
///
/// EVP throughout, as for the figures that the bars were derived from; where the engine goes below EVP it may come out
/// below its floor.
struct Floor {
    /// Signing, and verifying a signature over, 200 bytes.
    var sign = Double.infinity
    var verify = Double.infinity
    var generateSignatureKey = Double.infinity
    /// A public key from its encoding.
    var importSignatureKey = Double.infinity
    var generateKey = Double.infinity
    var importKey = Double.infinity
    var derive = Double.infinity
    /// A key pair from its private half, whose public half is computed.
    var keyPair = Double.infinity
    /// Two hashes of a block and some.
    var hmac = Double.infinity
    /// SHA-256 of 256 bytes.
    var hash = Double.infinity
    var seal100 = Double.infinity
    var seal1024 = Double.infinity

    // MARK: What they add up to

    /// SealBase: an ephemeral key, the agreement, the key schedule. RFC 9180 section 6.1.
    var hpkeSeal: Double { generateKey + importKey + derive + 8 * hmac + seal100 }
    var hpkeOpen: Double { importKey + derive + 8 * hmac + seal100 }
    /// A node's key pair from its path secret, and the next path secret.
    var nodeKey: Double { keyPair + 4 * hmac }

    /// Keeps the better of two measurements of each.
    mutating func keepBest(of other: Floor) {
        sign = min(sign, other.sign)
        verify = min(verify, other.verify)
        generateSignatureKey = min(generateSignatureKey, other.generateSignatureKey)
        importSignatureKey = min(importSignatureKey, other.importSignatureKey)
        generateKey = min(generateKey, other.generateKey)
        importKey = min(importKey, other.importKey)
        derive = min(derive, other.derive)
        keyPair = min(keyPair, other.keyPair)
        hmac = min(hmac, other.hmac)
        hash = min(hash, other.hash)
        seal100 = min(seal100, other.seal100)
        seal1024 = min(seal1024, other.seal1024)
    }
}

/// Measures a `Floor`, again and again: other load on the machine comes and goes.
final class FloorMeter {
    private let isCurve25519: Bool
    private let signing: OpaquePointer
    private let signatureGenerator: OpaquePointer
    private let generator: OpaquePointer
    private let ours: OpaquePointer
    private let peer: OpaquePointer
    private let signatureKeyBytes: [UInt8]
    private let peerBytes: [UInt8]
    private let privateBytes: [UInt8]
    private let hashContext: OpaquePointer
    private let sha256: OpaquePointer
    private let aead: OpaquePointer
    private let message = [UInt8](repeating: 0x5a, count: 200)
    private var signature: [UInt8] = []
    private let group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)

    init(_ suite: CipherSuite) {
        isCurve25519 = suite.rawValue == 1
        signatureGenerator = Self.generator(isCurve25519 ? "ED25519" : "EC")
        generator = Self.generator(isCurve25519 ? "X25519" : "EC")
        signing = Self.generate(signatureGenerator)
        ours = Self.generate(generator)
        peer = Self.generate(generator)
        signatureKeyBytes = Self.publicBytes(signing)
        peerBytes = Self.publicBytes(peer)
        var bytes = [UInt8](repeating: 0, count: 32)
        if isCurve25519 {
            var count = 32
            done(EVP_PKEY_get_raw_private_key(ours, &bytes, &count))
        } else {
            var scalar: OpaquePointer?
            done(EVP_PKEY_get_bn_param(ours, OSSL_PKEY_PARAM_PRIV_KEY, &scalar))
            // In the machine's byte order, as OSSL_PARAM wants it.
            done(BN_bn2lebinpad(scalar, &bytes, 32) == 32 ? 1 : 0)
            BN_free(scalar)
        }
        privateBytes = bytes
        hashContext = made(EVP_MD_CTX_new())
        sha256 = made(EVP_MD_fetch(nil, "SHA256", nil))
        aead = made(EVP_CIPHER_CTX_new())
        done(EVP_CipherInit_ex2(aead, made(EVP_CIPHER_fetch(nil, "AES-128-GCM", nil)), nil, nil, 1, nil))
        signature = sign()
    }

    func measure() -> Floor {
        var floor = Floor()
        floor.sign = best(20) { _ = self.sign() }
        floor.verify = best(20) { self.verify() }
        floor.generateSignatureKey = best(20) { EVP_PKEY_free(Self.generate(self.signatureGenerator)) }
        floor.importSignatureKey = best(50) { EVP_PKEY_free(self.imported(self.signatureKeyBytes, "ED25519")) }
        floor.generateKey = best(20) { EVP_PKEY_free(Self.generate(self.generator)) }
        floor.importKey = best(50) { EVP_PKEY_free(self.imported(self.peerBytes, "X25519")) }
        floor.derive = best(20) { self.derive() }
        floor.keyPair = best(20) { EVP_PKEY_free(self.keyPair()) }
        floor.hmac = best(200) {
            self.hash(96)
            self.hash(96)
        }
        floor.hash = best(200) { self.hash(256) }
        floor.seal100 = best(200) { self.seal(100) }
        floor.seal1024 = best(200) { self.seal(1024) }
        return floor
    }

    /// The fewest microseconds of a call in any of some batches of calls.
    private func best(_ count: Int, _ body: () -> Void) -> Double {
        (0..<10).map { _ in
            let start = Clock.processor
            for _ in 0..<count { body() }
            return (Clock.processor - start) / Double(count)
        }.min() ?? 0
    }

    // MARK: Operations

    private func sign() -> [UInt8] {
        let context = made(EVP_MD_CTX_new())
        defer { EVP_MD_CTX_free(context) }
        done(EVP_DigestSignInit_ex(context, nil, isCurve25519 ? nil : "SHA256", nil, nil, signing, nil))
        var signature = [UInt8](repeating: 0, count: 72)
        var count = signature.count
        done(EVP_DigestSign(context, &signature, &count, message, message.count))
        return Array(signature[..<count])
    }

    private func verify() {
        let context = made(EVP_MD_CTX_new())
        defer { EVP_MD_CTX_free(context) }
        done(EVP_DigestVerifyInit_ex(context, nil, isCurve25519 ? nil : "SHA256", nil, nil, signing, nil))
        done(EVP_DigestVerify(context, signature, signature.count, message, message.count))
    }

    private func derive() {
        let context = made(EVP_PKEY_CTX_new_from_pkey(nil, ours, nil))
        defer { EVP_PKEY_CTX_free(context) }
        done(EVP_PKEY_derive_init(context))
        done(EVP_PKEY_derive_set_peer_ex(context, peer, 0))
        var secret = [UInt8](repeating: 0, count: 32)
        var count = secret.count
        done(EVP_PKEY_derive(context, &secret, &count))
    }

    private func imported(_ bytes: [UInt8], _ type: String) -> OpaquePointer {
        if isCurve25519 { return made(EVP_PKEY_new_raw_public_key_ex(nil, type, nil, bytes, bytes.count)) }
        let key = made(EVP_PKEY_new())
        done(EVP_PKEY_copy_parameters(key, peer))
        done(EVP_PKEY_set1_encoded_public_key(key, bytes, bytes.count))
        return key
    }

    private func keyPair() -> OpaquePointer {
        if isCurve25519 {
            return made(EVP_PKEY_new_raw_private_key_ex(nil, "X25519", nil, privateBytes, privateBytes.count))
        }
        let scalar = made(BN_lebin2bn(privateBytes, 32, nil))
        let point = made(EC_POINT_new(group))
        defer {
            BN_clear_free(scalar)
            EC_POINT_free(point)
        }
        BN_set_flags(scalar, BN_FLG_CONSTTIME)
        done(EC_POINT_mul(group, point, scalar, nil, nil, nil))
        var publicBytes = [UInt8](repeating: 0, count: 65)
        done(EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, &publicBytes, 65, nil) == 65 ? 1 : 0)
        return fromData(publicBytes)
    }

    private func fromData(_ publicBytes: [UInt8]) -> OpaquePointer {
        let context = made(EVP_PKEY_CTX_new_from_name(nil, "EC", nil))
        defer { EVP_PKEY_CTX_free(context) }
        done(EVP_PKEY_fromdata_init(context))
        var (publicBytes, privateBytes) = (publicBytes, privateBytes)
        var name: [CChar] = Array("P-256".utf8CString)
        var key: OpaquePointer?
        publicBytes.withUnsafeMutableBytes { publicBytes in
            privateBytes.withUnsafeMutableBytes { privateBytes in
                name.withUnsafeMutableBufferPointer { name in
                    var parameters = [
                        OSSL_PARAM_construct_utf8_string(Self.lasting("group"), name.baseAddress, 0),
                        OSSL_PARAM_construct_octet_string(
                            Self.lasting("pub"), publicBytes.baseAddress, publicBytes.count),
                        OSSL_PARAM_construct_BN(
                            Self.lasting("priv"), privateBytes.bindMemory(to: UInt8.self).baseAddress, 32),
                        OSSL_PARAM_construct_end(),
                    ]
                    done(EVP_PKEY_fromdata(context, &key, Int32(mlsrelay_EVP_PKEY_KEYPAIR), &parameters))
                }
            }
        }
        return made(key)
    }

    /// A C string that lasts: OSSL_PARAM keeps the pointer.
    private static func lasting(_ name: StaticString) -> UnsafePointer<CChar> {
        UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    private static let bytes = [UInt8](repeating: 0x33, count: 1024)

    private func hash(_ byteCount: Int) {
        var digest: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        done(EVP_DigestInit_ex2(hashContext, sha256, nil))
        done(EVP_DigestUpdate(hashContext, Self.bytes, byteCount))
        withUnsafeMutableBytes(of: &digest) {
            done(EVP_DigestFinal_ex(hashContext, $0.bindMemory(to: UInt8.self).baseAddress, nil))
        }
    }

    private var room = [UInt8](repeating: 0, count: 1040)

    private func seal(_ byteCount: Int) {
        var count: Int32 = 0
        done(EVP_CipherInit_ex2(aead, nil, Self.bytes, Self.bytes, 1, nil))
        done(EVP_CipherUpdate(aead, nil, &count, Self.bytes, 40))
        done(EVP_CipherUpdate(aead, &room, &count, Self.bytes, Int32(byteCount)))
        room.withUnsafeMutableBufferPointer { room in
            done(EVP_CipherFinal_ex(aead, room.baseAddress, &count))
            done(EVP_CIPHER_CTX_ctrl(aead, EVP_CTRL_AEAD_GET_TAG, 16, room.baseAddress))
        }
    }

    // MARK: Keys

    private static func generator(_ type: String) -> OpaquePointer {
        let context = made(EVP_PKEY_CTX_new_from_name(nil, type, nil))
        done(EVP_PKEY_keygen_init(context))
        if type == "EC" { done(EVP_PKEY_CTX_set_group_name(context, "P-256")) }
        return context
    }

    private static func generate(_ generator: OpaquePointer) -> OpaquePointer {
        var key: OpaquePointer?
        done(EVP_PKEY_generate(generator, &key))
        return made(key)
    }

    private static func publicBytes(_ key: OpaquePointer) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 65)
        var count = 0
        done(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, &bytes, bytes.count, &count))
        return Array(bytes[..<count])
    }
}

private func done(_ result: Int32) { precondition(result == 1, "a call of libcrypto") }

private func made(_ pointer: OpaquePointer?) -> OpaquePointer {
    guard let pointer else { preconditionFailure("a call of libcrypto") }
    return pointer
}
