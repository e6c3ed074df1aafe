import RelayClient

/// Integrity warnings as sentences.
enum WarningText {
    static func sentence(_ warning: IntegrityWarning) -> String {
        switch warning {
        case .historyChanged: "the relay left out, changed, repeated or reordered what was said"
        case .historiesDiffer(let member): "the relay shows \(EventText.name(member)) another history than you"
        case .statesDiffer(let member): "\(EventText.name(member)) has another state of the group than you"
        case .keySubstituted(let user): "the relay gave a key for \(PeerText.name(user)) that is not theirs"
        case .unknownDevice(let member):
            "\(EventText.name(member)) is in the group, and its user never admitted it"
        case .keyChanged(let member): "\(EventText.name(member)) has another key than before; compare with /verify"
        case .staleGroupInfo: "the relay gave an old state of the group to join"
        case .replayed: "somebody sent a message a second time"
        case .rosterDiffers: "the members that the relay names are not those of the group"
        }
    }
}
