/// HPKE's labels. RFC 9180 section 4.
extension CipherSuiteContext {
    /// `suite_id`: that of the KEM in the KEM, that of all three algorithms elsewhere. RFC 9180 sections 4.1 and 5.1.
    enum HPKEScope {
        case kem
        case hpke
    }

    /// `LabeledExtract(salt, label, ikm)`, for an `ikm` that is `head || inputKeyMaterial`.
    mutating func labeledExtract(
        _ scope: HPKEScope, salt: RawSpan, label: StaticString,
        head: RawSpan = RawSpan(), inputKeyMaterial: RawSpan
    ) -> SecretBytes {
        hmac.begin(key: salt)
        unsafe withUnsafeTemporaryAllocation(byteCount: 32, alignment: 1) { buffer in
            var labelHead = unsafe HeadWriter(buffer)
            writeIdentifier(of: scope, to: &labelHead)
            unsafe hmac.update(labelHead.bytes)
        }
        hmac.update(label)
        hmac.update(head)
        hmac.update(inputKeyMaterial)
        return hmac.finalizeSecret()
    }

    /// `LabeledExpand(prk, label, info, L)`.
    mutating func labeledExpand(
        _ scope: HPKEScope, _ pseudorandomKey: RawSpan, label: StaticString, info: RawSpan, byteCount: Int
    ) -> SecretBytes {
        var output = SecretBytes(byteCount: byteCount)
        unsafe output.withUnsafeMutableBytes { output in
            unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
                var head = unsafe HeadWriter(buffer)
                head.integer(UInt16(byteCount))
                writeIdentifier(of: scope, to: &head)
                head.raw(label)
                unsafe hmac.expand(pseudorandomKey, head: head.bytes, info: info, into: output)
            }
        }
        return output
    }

    /// Writes `"HPKE-v1" || suite_id`.
    private func writeIdentifier(of scope: HPKEScope, to head: inout HeadWriter) {
        head.raw("HPKE-v1")
        switch scope {
        case .kem:
            head.raw("KEM")
            head.integer(kem.identifier)
        case .hpke:
            head.raw("HPKE")
            head.integer(kem.identifier)
            head.integer(hashAlgorithm.kdfIdentifier)
            head.integer(aeadAlgorithm.identifier)
        }
    }
}
