/// What a frame is. PROTOCOL.md section 3.
///
/// Below 64: sent by clients. From 64 on: sent by the relay. `ping` and `pong` are sent by both.
public enum FrameType: UInt8, Sendable, CaseIterable {
    case hello = 1
    case register = 2
    case authenticate = 3
    case ping = 4
    case pong = 5
    case createGroup = 16
    case publish = 17
    case subscribe = 18
    case unsubscribe = 19
    case credit = 20
    case acknowledge = 21
    case fetchKeyPackages = 22
    case countKeyPackages = 23
    case fetchGroupInfo = 24

    case challenge = 65
    case ready = 66
    case error = 67
    case done = 68
    case goAway = 69
    case groupCreated = 80
    case published = 81
    case subscribed = 82
    case keyPackages = 83
    case keyPackageCounts = 84
    case groupInfo = 85
    case entry = 96
}
