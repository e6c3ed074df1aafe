import COpenSSL

/// As much of DER as OpenSSL does not write by itself: the values of extensions. X.690.
enum DER {
    static let trueValue: [UInt8] = [0x01, 1, 0xff]

    static func sequence(_ values: [UInt8]...) -> [UInt8] { value(0x30, values.flatMap { $0 }) }

    static func octets(_ bytes: [UInt8]) -> [UInt8] { value(0x04, bytes) }

    /// A number below 128.
    static func integer(_ number: UInt8) -> [UInt8] { value(0x02, [number]) }

    /// Named bits of which the last `unused` of `bits` are none.
    static func bits(_ bits: UInt8, unused: UInt8) -> [UInt8] { value(0x03, [unused, bits]) }

    /// A value of less than 64 KiB with an implicit tag of its context.
    static func context(_ number: UInt8, _ content: [UInt8]) -> [UInt8] { value(0x80 | number, content) }

    private static func value(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        let count = content.count
        precondition(count < 1 << 16, "an extension of names that have limits")
        let length: [UInt8] =
            count < 0x80
            ? [UInt8(count)]
            : count < 0x100 ? [0x81, UInt8(count)] : [0x82, UInt8(count >> 8), UInt8(count & 0xff)]
        return [tag] + length + content
    }

    /// The encoding of a certificate; nil where OpenSSL has no memory.
    static func bytes(of certificate: OpaquePointer) -> [UInt8]? {
        var encoded: UnsafeMutablePointer<UInt8>?
        let count = unsafe i2d_X509(certificate, &encoded)
        defer { unsafe mlsrelay_OPENSSL_free(encoded) }
        guard count > 0, let first = unsafe encoded else { return nil }
        return unsafe [UInt8](UnsafeBufferPointer(start: first, count: Int(count)))
    }
}
