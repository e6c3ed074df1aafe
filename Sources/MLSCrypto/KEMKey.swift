/// A KEM's public key.
enum KEMPublicKey: ~Copyable {
    case raw(EVPKey)
    case point(CurvePoint)

    /// - Throws: `invalidKey`; a point of small order on a curve of RFC 7748 is only found out by `agree`.
    init(_ bytes: RawSpan, of kem: KEM) throws(CryptoError) {
        if let curve = kem.keyFormat.curve {
            self = .point(try CurvePoint(bytes, on: curve))
        } else {
            self = .raw(try EVPKey(publicKey: bytes, of: kem.keyFormat))
        }
    }
}

/// A KEM's private key; erased when this ends.
enum KEMPrivateKey: ~Copyable {
    case raw(EVPKey)
    case scalar(CurveScalar)

    /// A new one; of a curve of RFC 7748 it comes from `generator`.
    init(generating kem: KEM, with generator: inout KeyGenerator) throws(CryptoError) {
        if let curve = kem.keyFormat.curve {
            self = .scalar(try CurveScalar(generatingOf: curve))
        } else {
            self = .raw(try EVPKey(from: &generator))
        }
    }

    /// - Throws: `invalidKey`.
    // Not inlined: over it the optimizer of Swift 6.3 breaks off in `deriveKeyPair`.
    @inline(never)
    init(_ bytes: RawSpan, of kem: KEM) throws(CryptoError) {
        if let curve = kem.keyFormat.curve {
            self = .scalar(try CurveScalar(bytes, of: curve))
        } else {
            self = .raw(try EVPKey(privateKey: bytes, of: kem.keyFormat))
        }
    }

    /// The private key that belongs to `publicKey`, which nobody checks.
    /// - Throws: `invalidKey`.
    init(_ bytes: RawSpan, publicKey: RawSpan, of kem: KEM) throws(CryptoError) {
        if let curve = kem.keyFormat.curve {
            _ = try CurvePoint(publicKey, on: curve)
            self = .scalar(try CurveScalar(bytes, of: curve))
        } else {
            self = .raw(try EVPKey(privateKey: bytes, publicKey: publicKey, of: kem.keyFormat))
        }
    }

    /// The encoding of the public half, which a NIST curve has to compute.
    func publicKeyBytes(of kem: KEM) throws(CryptoError) -> [UInt8] {
        switch self {
        case .raw(let key): try key.publicKey(of: kem.keyFormat)
        case .scalar(let scalar): try CurvePoint(generatorTimes: scalar).bytes()
        }
    }

    /// The encoding.
    func bytes(of kem: KEM) throws(CryptoError) -> SecretBytes {
        switch self {
        case .raw(let key): try key.privateKey(of: kem.keyFormat)
        case .scalar(let scalar): try scalar.bytes()
        }
    }

    /// `DH(skX, pkY)`. RFC 9180 section 4.1.
    /// - Throws: `invalidKey` where the peer is of another KEM, or of small order so that the secret would be zero.
    func agree(with peer: borrowing KEMPublicKey, of kem: KEM) throws(CryptoError) -> SecretBytes {
        switch self {
        case .raw(let key):
            switch peer {
            case .raw(let peer): return try key.agree(with: peer, byteCount: kem.keyFormat.agreedByteCount)
            case .point: throw .invalidKey
            }
        case .scalar(let scalar):
            switch peer {
            case .raw: throw .invalidKey
            case .point(let point): return try point.agree(with: scalar)
            }
        }
    }
}
