public import RelayWire

// Tests may write numbers for what they number; elsewhere a literal would hide what kind of number it is.
extension SequenceNumber: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: UInt64) { self.init(rawValue: value) }
}
extension Epoch: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: UInt64) { self.init(rawValue: value) }
}
