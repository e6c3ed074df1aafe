import MLSCrypto
import TLSPresentation

/// A sender's ratchet for one kind of content. RFC 9420 section 9.1.
///
/// A value: moving forward makes another one, and the keys are erased that no ratchet has any more.
///
/// Invariant: `secret` is ratchet_secret_[N]_[nextGeneration]; `keptKeys` are of earlier generations, ascending.
struct Ratchet: Sendable {
    private(set) var nextGeneration: UInt32
    private var secret: SharedSecret
    /// The keys of generations that were skipped and not used yet.
    private(set) var keptKeys: [KeptKey]

    /// A ratchet of which nothing was used.
    init(_ secret: SharedSecret) {
        nextGeneration = 0
        self.secret = secret
        keptKeys = []
    }

    /// The key of `generation`, and the ratchet from which it is gone.
    /// - Throws: before anything was derived.
    func taking(
        _ generation: UInt32, limits: SecretTreeLimits, crypto: inout CipherSuiteContext
    ) throws(SecretTreeError) -> (key: KeptKey, rest: Ratchet) {
        if generation < nextGeneration { return try takingKept(generation) }
        // The ratchet's end has no number: its last generation is never used.
        guard generation < .max else { throw .exhausted }
        guard generation - nextGeneration <= limits.maxForwardSteps else { throw .tooFarAhead }
        var rest = self
        while rest.nextGeneration < generation {
            // What would be dropped again need not be derived.
            if Int(generation - rest.nextGeneration) <= limits.maxOutOfOrderKeys {
                rest.keptKeys.append(rest.advance(crypto: &crypto))
            } else {
                rest.skip(crypto: &crypto)
            }
        }
        rest.keptKeys.removeFirst(max(0, rest.keptKeys.count - limits.maxOutOfOrderKeys))
        let key = rest.advance(crypto: &crypto)
        return (key, rest)
    }

    private func takingKept(_ generation: UInt32) throws(SecretTreeError) -> (key: KeptKey, rest: Ratchet) {
        guard let index = keptKeys.firstIndex(where: { $0.generation == generation }) else {
            throw .generationConsumed
        }
        var rest = self
        let key = rest.keptKeys.remove(at: index)
        return (key, rest)
    }

    /// Moves to the generation after the next one, whose key it gives.
    private mutating func advance(crypto: inout CipherSuiteContext) -> KeptKey {
        let (keyAndNonce, nextSecret) = crypto.ratchetStep(secret.bytes, generation: nextGeneration)
        let key = KeptKey(generation: nextGeneration, keyAndNonce: keyAndNonce)
        secret = nextSecret
        nextGeneration += 1
        return key
    }

    private mutating func skip(crypto: inout CipherSuiteContext) {
        secret = crypto.ratchetSkip(secret.bytes, generation: nextGeneration)
        nextGeneration += 1
    }
}

/// A ratchet as bytes, for whoever keeps it and encrypts what it keeps.
/// ```
/// struct { uint32 generation; opaque key<V>; opaque nonce<V>; } SavedMessageKey;
/// struct { uint32 next_generation; opaque secret<V>; SavedMessageKey kept_keys[]; /* to the end */ } SavedRatchet;
/// ```
extension Ratchet {
    func saved() -> SharedSecret {
        var writer = SecretWriter(capacity: 128 + keptKeys.count * 64)
        writer.encode(nextGeneration)
        writer.opaque(secret.bytes)
        for kept in keptKeys {
            writer.encode(kept.generation)
            writer.opaque(kept.keyAndNonce.key)
            writer.opaque(kept.keyAndNonce.nonce)
        }
        let bytes = writer.finish()
        return SharedSecret(copying: bytes.bytes)
    }

    /// What `saved` gave.
    /// - Throws: where the bytes are anything else, or of another suite.
    init(saved bytes: RawSpan, crypto: borrowing CipherSuiteContext) throws(DecodingError) {
        var reader = Reader(bytes)
        nextGeneration = try reader.uint32()
        secret = SharedSecret(copying: try reader.opaqueSpan(byteCount: crypto.hashByteCount))
        keptKeys = []
        while !reader.isAtEnd {
            let start = reader.byteOffset
            let generation = try reader.uint32()
            let isAscending = keptKeys.isEmpty || keptKeys[keptKeys.count - 1].generation < generation
            guard generation < nextGeneration, isAscending else {
                throw DecodingError(.invalidField("generation"), at: start)
            }
            let key = try reader.opaqueSpan(byteCount: crypto.aeadAlgorithm.keyByteCount)
            let nonce = try reader.opaqueSpan(byteCount: crypto.aeadAlgorithm.nonceByteCount)
            let keyAndNonce = KeyAndNonce(copying: key, nonce: nonce)
            keptKeys.append(KeptKey(generation: generation, keyAndNonce: keyAndNonce))
        }
    }
}
