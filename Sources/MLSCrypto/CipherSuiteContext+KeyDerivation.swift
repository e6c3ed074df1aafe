/// Key derivation. RFC 9420 section 8.
extension CipherSuiteContext {
    /// `KDF.Extract(salt, ikm)`: a secret of `hashByteCount`.
    public mutating func extract(salt: RawSpan, inputKeyMaterial: RawSpan) -> SecretBytes {
        hmac.extract(salt: salt, inputKeyMaterial: inputKeyMaterial)
    }

    /// `KDF.Expand(prk, info, length)`.
    /// - Precondition: at most 255 times `hashByteCount` is asked for.
    public mutating func expand(_ pseudorandomKey: RawSpan, info: RawSpan, byteCount: Int) -> SecretBytes {
        var output = SecretBytes(byteCount: byteCount)
        unsafe output.withUnsafeMutableBytes { output in
            let head = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
            unsafe hmac.expand(pseudorandomKey, head: head, info: info, into: output)
        }
        return output
    }

    /// `ExpandWithLabel(Secret, Label, Context, Length) = KDF.Expand(Secret, KDFLabel, Length)`
    /// ```
    /// struct { uint16 length; opaque label<V>; opaque context<V>; } KDFLabel;
    /// ```
    /// - Parameter label: without the "MLS 1.0 " that goes before it.
    /// - Precondition: at most 255 times `hashByteCount` is asked for.
    public mutating func expandWithLabel(
        _ secret: RawSpan, label: String, context: RawSpan, byteCount: Int
    ) -> SecretBytes {
        var output = SecretBytes(byteCount: byteCount)
        var label = label
        unsafe output.withUnsafeMutableBytes { output in
            label.withUTF8 { label in
                unsafe withUnsafeTemporaryAllocation(byteCount: label.count + 18, alignment: 1) { buffer in
                    var head = unsafe HeadWriter(buffer)
                    head.integer(UInt16(byteCount))
                    unsafe head.mlsLabel(UnsafeRawBufferPointer(label))
                    head.varint(context.byteCount)
                    unsafe hmac.expand(secret, head: head.bytes, info: context, into: output)
                }
            }
        }
        return output
    }

    /// `DeriveSecret(Secret, Label) = ExpandWithLabel(Secret, Label, "", KDF.Nh)`
    public mutating func deriveSecret(_ secret: RawSpan, label: String) -> SecretBytes {
        expandWithLabel(secret, label: label, context: RawSpan(), byteCount: hashByteCount)
    }

    /// `DeriveTreeSecret(Secret, Label, Generation, Length) = ExpandWithLabel(Secret, Label, Generation, Length)`, with
    /// the generation as a uint32. RFC 9420 section 9.1.
    public mutating func deriveTreeSecret(
        _ secret: RawSpan, label: String, generation: UInt32, byteCount: Int
    ) -> SecretBytes {
        let context: [4 of UInt8] = [
            UInt8(truncatingIfNeeded: generation >> 24), UInt8(truncatingIfNeeded: generation >> 16),
            UInt8(truncatingIfNeeded: generation >> 8), UInt8(truncatingIfNeeded: generation),
        ]
        return unsafe expandWithLabel(secret, label: label, context: context.span.bytes, byteCount: byteCount)
    }
}
