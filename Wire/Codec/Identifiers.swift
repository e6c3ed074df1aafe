public import TLSPresentation

/// A number that names one thing; distinct types for distinct numbers, a `uint64` each on the wire.
public protocol Identifier: TLSRegistered, Hashable, Comparable, Sendable, CustomStringConvertible
where RawValue == UInt64 {}

extension Identifier {
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    public var description: String { String(rawValue) }
}

/// The number of a log, assigned once and never again. PROTOCOL.md section 5.
public struct LogNumber: Identifier {
    public let rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// In a receipt or an answer: no log.
    public static let none = Self(rawValue: 0)
}

/// The place of an entry in its log. Dense, from 1 on; 0 stands before the first entry.
public struct SequenceNumber: Identifier {
    public let rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// The place before the first entry.
    public static let zero = Self(rawValue: 0)
    /// As the end of a subscription: no end.
    public static let unlimited = Self(rawValue: .max)
    @inlinable public var next: Self { Self(rawValue: rawValue + 1) }
}

/// The number of a client, assigned at its registration.
public struct ClientNumber: Identifier {
    public let rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// As the sender of an entry: the relay itself.
    public static let relay = Self(rawValue: 0)
}

/// The number of a user, assigned with its first client.
public struct UserNumber: Identifier {
    public let rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// In an answer: no user.
    public static let none = Self(rawValue: 0)
}

/// The number of an invitation. PROTOCOL.md section 7.11.
public struct InvitationNumber: Identifier {
    public let rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// The number of a token that admits clients; not the token itself. PROTOCOL.md section 7.8.
public struct TokenNumber: Identifier {
    public let rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// An MLS epoch. RFC 9420 section 8.
public struct Epoch: Identifier {
    public let rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    @inlinable public var next: Self { Self(rawValue: rawValue &+ 1) }
}

/// Milliseconds since 1970-01-01 00:00 UTC, by the relay's clock.
public struct Timestamp: Identifier {
    public let rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// Joins a request to its answer; chosen by the client, 0 in frames that answer nothing. PROTOCOL.md section 3.
public struct RequestID: TLSRegistered, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// The id of frames that answer no request.
    public static let none = Self(rawValue: 0)
    public var description: String { String(rawValue) }
}

/// A version of this protocol. PROTOCOL.md section 4.1.
public struct ProtocolVersion: TLSRegistered, Hashable, Comparable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    public static let v1 = Self(rawValue: 1)
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
