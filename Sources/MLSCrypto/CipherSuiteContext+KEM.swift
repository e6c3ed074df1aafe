import TLSPresentation

/// DHKEM. RFC 9180 section 4.1.
extension CipherSuiteContext {
    /// `DeriveKeyPair(ikm)`: always the same key pair for the same secret. RFC 9180 section 7.1.3.
    /// - Throws: `invalidKey` where none of 256 candidates is below the order of the curve, which does not happen.
    public mutating func deriveKeyPair(_ inputKeyMaterial: RawSpan) throws(CryptoError) -> HPKEPrivateKey {
        let secret = labeledExtract(.kem, salt: RawSpan(), label: "dkp_prk", inputKeyMaterial: inputKeyMaterial)
        guard kem.keyFormat.curve != nil else {
            let privateKey = labeledExpand(
                .kem, secret.bytes, label: "sk", info: RawSpan(), byteCount: kem.privateKeyByteCount)
            return try HPKEPrivateKey(privateKey: privateKey.bytes, kem: kem)
        }
        for counter in 0...UInt8.max {
            let candidate = candidate(counter, of: secret.bytes)
            if let key = Self.keyPair(of: candidate.bytes, kem) { return key }
        }
        throw .invalidKey
    }

    /// One of the numbers that may be a private key of a NIST curve.
    private mutating func candidate(_ counter: UInt8, of secret: RawSpan) -> SecretBytes {
        let info: [1 of UInt8] = [counter]
        var candidate = unsafe labeledExpand(
            .kem, secret, label: "candidate", info: info.span.bytes, byteCount: kem.privateKeyByteCount)
        // The order of P-521 has 521 bits in 66 bytes.
        if kem == .p521 { unsafe candidate.withUnsafeMutableBytes { unsafe $0[0] &= 0x01 } }
        return candidate
    }

    /// Nil where `candidate` is no private key.
    private static func keyPair(of candidate: RawSpan, _ kem: KEM) -> HPKEPrivateKey? {
        do throws(CryptoError) {
            return try HPKEPrivateKey(privateKey: candidate, kem: kem)
        } catch {
            return nil
        }
    }

    /// `Encap(pkR)`: a secret shared with the owner of `recipient`, and what to send for it.
    mutating func encapsulate(
        to recipient: HPKEPublicKey
    ) throws(CryptoError) -> Encapsulation {
        guard recipient.kem == kem else { throw .invalidKey }
        let ephemeral = try generateKeyPair()
        let shared = unsafe try ephemeral.key.agree(with: recipient.key, of: kem)
        let context = ephemeral.publicKeyBytes + recipient.bytes
        return Encapsulation(
            sharedSecret: extractAndExpand(shared.bytes, context: context.rawSpan),
            kemOutput: ephemeral.publicKeyBytes)
    }

    /// `Decap(enc, skR)`: the secret that `encapsulate` shared.
    mutating func decapsulate(
        _ kemOutput: RawSpan, with recipient: HPKEPrivateKey
    ) throws(CryptoError) -> SecretBytes {
        guard recipient.kem == kem else { throw .invalidKey }
        let ephemeral = try KEMPublicKey(kemOutput, of: kem)
        let shared = unsafe try recipient.key.agree(with: ephemeral, of: kem)
        var context = unsafe kemOutput.withUnsafeBytes { unsafe [UInt8]($0) }
        context += recipient.publicKeyBytes
        return extractAndExpand(shared.bytes, context: context.rawSpan)
    }

    /// `ExtractAndExpand(dh, kem_context)`.
    private mutating func extractAndExpand(_ shared: RawSpan, context: RawSpan) -> SecretBytes {
        let secret = labeledExtract(.kem, salt: RawSpan(), label: "eae_prk", inputKeyMaterial: shared)
        return labeledExpand(
            .kem, secret.bytes, label: "shared_secret", info: context, byteCount: kem.sharedSecretByteCount)
    }
}

/// What `Encap` gives.
struct Encapsulation: ~Copyable {
    let sharedSecret: SecretBytes
    let kemOutput: [UInt8]
}
