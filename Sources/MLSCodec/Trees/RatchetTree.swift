public import TLSPresentation

/// The nodes of a group's tree as an array, leaves at the even places, as they are sent. RFC 9420 section 12.4.3.3.
/// ```
/// optional<Node> ratchet_tree<V>;
/// ```
/// Only the encoding is checked here, not that leaves and parents alternate, nor that the last node is not blank.
public struct RatchetTree: ExtensionBody {
    public static var extensionType: ExtensionType { .ratchetTree }

    /// The nodes from the left; nil is a blank one.
    public var nodes: [Node?]

    public init(nodes: [Node?]) { self.nodes = nodes }

    public init(from reader: inout Reader) throws(DecodingError) {
        var content = try reader.vectorReader()
        nodes = []
        while !content.isAtEnd { nodes.append(try content.optional()) }
    }

    public func encode(into writer: inout Writer) {
        writer.vector { writer in for node in nodes { writer.optional(node) } }
    }
}
