public import TLSPresentation

/// What a new member has to be told in secret. RFC 9420 section 12.4.3.1.
/// ```
/// struct { opaque path_secret<V>; } PathSecret;
/// struct { opaque joiner_secret<V>; optional<PathSecret> path_secret; PreSharedKeyID psks<V>; } GroupSecrets;
/// ```
public struct GroupSecrets: Hashable, Sendable {
    public var joinerSecret: [UInt8]
    public var pathSecret: [UInt8]?
    public var psks: [PreSharedKeyID]

    public init(joinerSecret: [UInt8], pathSecret: [UInt8]? = nil, psks: [PreSharedKeyID] = []) {
        self.joinerSecret = joinerSecret
        self.pathSecret = pathSecret
        self.psks = psks
    }
}

extension GroupSecrets: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        joinerSecret = try reader.opaque()
        pathSecret = try reader.isPresent() ? try reader.opaque() : nil
        psks = try reader.vector()
    }

    public func encode(into writer: inout Writer) {
        writer.opaque(joinerSecret)
        writer.isPresent(pathSecret != nil)
        if let pathSecret { writer.opaque(pathSecret) }
        writer.vector(psks)
    }
}

extension GroupSecrets: CustomStringConvertible, CustomReflectable {
    public var description: String { "<redacted>" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
