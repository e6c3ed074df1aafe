/// Points that give the same shared secret, zero, with every private key. RFC 7748 section 6, RFC 9180 section 7.1.4.
///
/// `agree` refuses them too, but only then: a member with such a key would keep all others from encrypting to it, and so
/// from committing.
extension KEM {
    /// Whether `bytes` encode a point of small order, in whatever way: of a NIST curve there is none.
    func isOfSmallOrder(_ bytes: [UInt8]) -> Bool {
        switch self {
        case .x25519:
            guard let last = bytes.last else { return false }
            // "implementations of X25519 MUST mask the most significant bit in the final byte."
            return Self.x25519SmallOrder.contains(bytes.dropLast() + [last & 0x7f])
        case .x448: return Self.x448SmallOrder.contains(bytes)
        case .p256, .p384, .p521: return false
        }
    }

    /// 0, 1, two points of order 8, and the prime less one; 0 and 1 again with the prime added.
    private static let x25519SmallOrder: Set<[UInt8]> = [
        [UInt8](repeating: 0, count: 32),
        [1] + [UInt8](repeating: 0, count: 31),
        [
            0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
            0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
        ],
        [
            0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b,
            0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
        ],
        [0xec] + [UInt8](repeating: 0xff, count: 30) + [0x7f],
        [0xed] + [UInt8](repeating: 0xff, count: 30) + [0x7f],
        [0xee] + [UInt8](repeating: 0xff, count: 30) + [0x7f],
    ]

    /// 0, 1 and the prime less one; 0 and 1 again with the prime added.
    private static let x448SmallOrder: Set<[UInt8]> = [
        [UInt8](repeating: 0, count: 56),
        [1] + [UInt8](repeating: 0, count: 55),
        [0xfe] + [UInt8](repeating: 0xff, count: 27) + [0xfe] + [UInt8](repeating: 0xff, count: 27),
        [UInt8](repeating: 0xff, count: 28) + [0xfe] + [UInt8](repeating: 0xff, count: 27),
        [UInt8](repeating: 0, count: 28) + [UInt8](repeating: 0xff, count: 28),
    ]
}
