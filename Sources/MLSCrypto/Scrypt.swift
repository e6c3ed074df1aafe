import COpenSSL

/// Makes keys of passphrases: slowly, and with much memory, so that guessing costs. RFC 7914.
public enum Scrypt {
    /// How much work a key is.
    public struct Parameters: Hashable, Sendable {
        /// The base 2 logarithm of `N`, the cost.
        public var costExponent: UInt8
        /// `r`.
        public var blockSize: UInt16
        /// `p`.
        public var parallelism: UInt16

        public init(costExponent: UInt8, blockSize: UInt16, parallelism: UInt16) {
            self.costExponent = costExponent
            self.blockSize = blockSize
            self.parallelism = parallelism
        }

        /// Bytes of memory that a derivation takes; saturated where that is no number.
        public var memoryByteCount: UInt64 {
            guard costExponent < 32 else { return .max }
            // At most 2^7 * 2^16 * 2^33.
            return 128 * UInt64(blockSize) * (1 << UInt64(costExponent) + UInt64(parallelism) + 2)
        }
    }

    /// The key of `byteCount` bytes that belongs to a passphrase and a salt.
    /// - Throws: `openSSL` where the parameters are not ones of RFC 7914, or there is not the memory.
    public static func key(
        of passphrase: RawSpan, salt: RawSpan, _ parameters: Parameters, byteCount: Int
    ) throws(CryptoError) -> SharedSecret {
        guard parameters.costExponent < 32 else {
            throw .openSSL(function: "EVP_PBE_scrypt", reason: "a cost of 2^32 or more")
        }
        var result: Int32 = 0
        let key = unsafe SharedSecret(byteCount: byteCount) { key in
            result = unsafe passphrase.withUnsafeBytes { passphrase in
                unsafe salt.withUnsafeBytes { salt in
                    unsafe EVP_PBE_scrypt(
                        passphrase.bindMemory(to: CChar.self).baseAddress, passphrase.count,
                        salt.bindMemory(to: UInt8.self).baseAddress, salt.count,
                        1 << UInt64(parameters.costExponent), UInt64(parameters.blockSize),
                        UInt64(parameters.parallelism), parameters.memoryByteCount,
                        key.bindMemory(to: UInt8.self).baseAddress, key.count)
                }
            }
        }
        try OpenSSL.check(result, "EVP_PBE_scrypt")
        return key
    }
}
