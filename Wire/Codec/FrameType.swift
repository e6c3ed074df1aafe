/// What a frame is. PROTOCOL.md section 3.
///
/// Below 64: sent by clients. From 64 on: sent by the relay. `ping` and `pong` are sent by both.
public enum FrameType: UInt8, Sendable, CaseIterable {
    case hello = 1
    case register = 2
    case authenticate = 3
    case ping = 4
    case pong = 5
    case issueCredential = 6
    case rotateKey = 7
    case revokeClient = 8
    case lookUp = 9
    case searchUsers = 10
    case setVisibility = 11
    case fetchAuthority = 12
    case administer = 13
    case createGroup = 16
    case publish = 17
    case subscribe = 18
    case unsubscribe = 19
    case credit = 20
    case acknowledge = 21
    case fetchKeyPackages = 22
    case countKeyPackages = 23
    case fetchGroupInfo = 24
    case publishCommit = 25
    case denyCommit = 26
    case updateGroup = 27
    case setRole = 28
    case ban = 29
    case deleteGroup = 30
    case describeGroup = 31
    case listGroups = 32
    case invite = 33
    case answerInvitation = 34
    case takeInvited = 35
    case followReceipts = 36
    case checkHeads = 37

    case challenge = 65
    case ready = 66
    case error = 67
    case done = 68
    case goAway = 69
    case credential = 70
    case users = 71
    case userNames = 72
    case authority = 73
    case administered = 74
    case groupCreated = 80
    case published = 81
    case subscribed = 82
    case keyPackages = 83
    case keyPackageCounts = 84
    case groupInfo = 85
    case groupDescription = 86
    case groupList = 87
    case invited = 88
    case receipts = 89
    case headsChecked = 90
    case entry = 96
    case entryDigest = 97
}
