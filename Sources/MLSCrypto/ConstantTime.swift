import COpenSSL

/// Whether the bytes of `first` are those of `second`, in a time that tells their number but not where they differ.
/// For tags and all else that an attacker may guess at.
public func isEqualInConstantTime(_ first: RawSpan, _ second: RawSpan) -> Bool {
    guard first.byteCount == second.byteCount else { return false }
    if first.isEmpty { return true }
    return unsafe first.withUnsafeBytes { first in
        unsafe second.withUnsafeBytes { second in
            unsafe CRYPTO_memcmp(first.baseAddress, second.baseAddress, first.count) == 0
        }
    }
}
