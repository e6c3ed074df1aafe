package import MLSCodec
package import MLSPublicGroup
package import TLSPresentation

/// The pieces in which a secret tree is saved: after a message only those that it changed, at most two a level of the
/// tree. The tree's size and limits are not among them.
package enum SecretTreeRecord: Hashable, Sendable {
    /// The secret of a node of which nothing was derived yet.
    case node(NodeIndex)
    /// What is left of a ratchet; there is one as soon as the leaf's secret is used.
    case ratchet(LeafIndex, RatchetType)
}

/// What a ratchet's keys encrypt. RFC 9420 section 9.
package enum RatchetType: UInt8, TLSEnumerated, Hashable, Sendable {
    /// Proposals and Commits.
    case handshake = 1
    case application = 2

    package static var enumerationName: StaticStringName { "RatchetType" }

    package init(_ contentType: ContentType) {
        switch contentType {
        case .application: self = .application
        case .proposal, .commit: self = .handshake
        }
    }

    /// The label of the ratchet's first secret.
    var label: String {
        switch self {
        case .handshake: "handshake"
        case .application: "application"
        }
    }
}

/// The name of a record as bytes.
/// ```
/// struct { uint8 kind; uint32 index; } SecretTreeRecord;  /* 0 a node; else the RatchetType of a leaf */
/// ```
extension SecretTreeRecord: TLSCodable {
    package init(from reader: inout Reader) throws(DecodingError) {
        let start = reader.byteOffset
        let kind = try reader.uint8()
        let index = try reader.uint32()
        if kind == 0 {
            self = .node(NodeIndex(index))
        } else if let type = RatchetType(rawValue: kind) {
            self = .ratchet(LeafIndex(index), type)
        } else {
            throw DecodingError(.unknownValue(type: "SecretTreeRecord", value: UInt64(kind)), at: start)
        }
    }

    package func encode(into writer: inout Writer) {
        switch self {
        case .node(let node):
            writer.integer(0 as UInt8)
            writer.integer(node.rawValue)
        case .ratchet(let leaf, let type):
            writer.integer(type.rawValue)
            writer.integer(leaf.rawValue)
        }
    }
}
