public import TLSPresentation

/// A node of the ratchet tree that is not blank. RFC 9420 section 12.4.3.3.
/// ```
/// struct {
///     NodeType node_type;
///     select (Node.node_type) { case leaf: LeafNode leaf_node; case parent: ParentNode parent_node; };
/// } Node;
/// ```
public enum Node: Hashable, Sendable {
    case leaf(LeafNode)
    case parent(ParentNode)

    public var nodeType: NodeType {
        switch self {
        case .leaf: .leaf
        case .parent: .parent
        }
    }
}

extension Node: TLSCodable {
    public init(from reader: inout Reader) throws(DecodingError) {
        switch try NodeType(from: &reader) {
        case .leaf: self = .leaf(try LeafNode(from: &reader))
        case .parent: self = .parent(try ParentNode(from: &reader))
        }
    }

    public func encode(into writer: inout Writer) {
        nodeType.encode(into: &writer)
        switch self {
        case .leaf(let leafNode): leafNode.encode(into: &writer)
        case .parent(let parentNode): parentNode.encode(into: &writer)
        }
    }
}
