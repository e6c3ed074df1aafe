internal import MLSCrypto

/// A group's id, as MLS has it.
public struct GroupID: Hashable, Sendable {
    public let bytes: [UInt8]
    public init(_ bytes: [UInt8]) { self.bytes = bytes }
}

extension GroupID: CustomStringConvertible {
    /// Hexadecimal.
    public var description: String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}

/// Names a message for all members: chosen at random by the device that sends it.
public struct MessageID: Hashable, Sendable {
    /// 16 bytes.
    public let bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }
}

extension MessageID: CustomStringConvertible {
    /// Hexadecimal.
    public var description: String { GroupID(bytes).description }
}

/// A moment by the relay's clock, in milliseconds since 1970-01-01 00:00 UTC. Nothing but the relay's word stands behind it.
public struct RelayTime: Hashable, Comparable, Sendable {
    public let milliseconds: UInt64
    public init(milliseconds: UInt64) { self.milliseconds = milliseconds }
    public static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }
}

/// The place of an event in this device's store: events of all groups have one order.
public struct EventPosition: Hashable, Comparable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    /// Before the first.
    public static let start = EventPosition(rawValue: 0)
}

/// SHA-256 of a device's public signature key, for people to compare by other means than the relay.
public struct Fingerprint: Hashable, Sendable {
    /// 32 bytes.
    public let bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Of a public key as RFC 9420 section 5.1.1 encodes it.
    init(ofPublicKey key: [UInt8]) { self.init(SHA256.hash(key).bytes) }
}

extension Fingerprint: CustomStringConvertible {
    /// Eight groups of eight hexadecimal digits.
    public var description: String {
        let digits = Array(GroupID(bytes).description)
        return stride(from: 0, to: digits.count, by: 8).map { String(digits[$0..<min($0 + 8, digits.count)]) }
            .joined(separator: " ")
    }
}
