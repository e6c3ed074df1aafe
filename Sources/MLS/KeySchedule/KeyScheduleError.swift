package import TLSPresentation

/// Why a key schedule, a Welcome or saved secrets gave no secrets.
package enum KeyScheduleError: Error, Hashable, Sendable {
    /// More pre-shared keys than the `uint16` of a PSKLabel counts. RFC 9420 section 8.4.
    case tooManyPSKs(Int)
    /// What was to be decrypted is not of this group, was changed, or was not encrypted to this key.
    case decryptionFailed
    /// What was decrypted, or saved, is not what it should be.
    case malformed(DecodingError)
}
