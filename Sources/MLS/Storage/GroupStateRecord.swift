public import MLSCrypto
import MLSPublicGroup
import TLSPresentation

/// A piece of a group's state, as it is stored: what a message or a Commit changes is few of them, whatever the group's
/// size.
///
/// A store keeps values by keys and looks into neither. Values are secret, most of them.
public struct GroupStateRecord: Sendable {
    /// At most 14 bytes, unique in its group.
    public let key: [UInt8]
    /// Nil where the record is no more.
    public let value: SharedSecret?

    public init(key: [UInt8], value: SharedSecret?) {
        self.key = key
        self.value = value
    }

    init(_ key: GroupStateKey, _ value: SharedSecret?) { self.init(key: key.encoded, value: value) }
}

/// What records there are.
/// ```
/// enum { group(0), tree_node(1), secret_tree(2), past_epoch(3), resumption_psk(4), pending_commit(5), proposal(6), (255) }
///     GroupStateKind;
/// struct {
///     GroupStateKind kind;
///     select (GroupStateKey.kind) {
///         case group: case pending_commit: struct{};
///         case tree_node: uint32 node_index;
///         case secret_tree: uint64 epoch; SecretTreeRecord record;
///         case past_epoch: case resumption_psk: uint64 epoch;
///         case proposal: uint32 position;
///     };
/// } GroupStateKey;
/// ```
enum GroupStateKey: Hashable {
    case group
    case treeNode(NodeIndex)
    case secretTree(epoch: UInt64, SecretTreeRecord)
    case pastEpoch(UInt64)
    case resumptionPSK(UInt64)
    case pendingCommit
    case proposal(UInt32)
}

extension GroupStateKey: TLSCodable {
    init(from reader: inout Reader) throws(DecodingError) {
        let start = reader.byteOffset
        switch try reader.uint8() {
        case 0: self = .group
        case 1: self = .treeNode(NodeIndex(try reader.uint32()))
        case 2: self = .secretTree(epoch: try reader.uint64(), try SecretTreeRecord(from: &reader))
        case 3: self = .pastEpoch(try reader.uint64())
        case 4: self = .resumptionPSK(try reader.uint64())
        case 5: self = .pendingCommit
        case 6: self = .proposal(try reader.uint32())
        case let kind:
            throw DecodingError(.unknownValue(type: "GroupStateKind", value: UInt64(kind)), at: start)
        }
    }

    func encode(into writer: inout Writer) {
        switch self {
        case .group: writer.integer(0 as UInt8)
        case .treeNode(let node):
            writer.integer(1 as UInt8)
            writer.integer(node.rawValue)
        case .secretTree(let epoch, let record):
            writer.integer(2 as UInt8)
            writer.integer(epoch)
            record.encode(into: &writer)
        case .pastEpoch(let epoch):
            writer.integer(3 as UInt8)
            writer.integer(epoch)
        case .resumptionPSK(let epoch):
            writer.integer(4 as UInt8)
            writer.integer(epoch)
        case .pendingCommit: writer.integer(5 as UInt8)
        case .proposal(let position):
            writer.integer(6 as UInt8)
            writer.integer(position)
        }
    }
}
