/// Whether `value` is one of the fifteen numbers set aside to keep receivers tolerant: 0x0A0A, 0x1A1A, …, 0xEAEA.
/// RFC 9420 section 13.5.
public func isGREASE(_ value: UInt16) -> Bool {
    value & 0x0f0f == 0x0a0a && value >> 12 == value >> 4 & 0x0f && value >> 12 != 0x0f
}

/// How a number of an open registry is written where it has no name: "0x0a0a (GREASE)", "0xf003".
func registryDescription(of value: UInt16) -> String {
    let digits = String(value, radix: 16)
    return "0x" + String(repeating: "0", count: 4 - digits.count) + digits + (isGREASE(value) ? " (GREASE)" : "")
}
