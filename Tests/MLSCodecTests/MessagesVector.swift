import TestSupport
import Testing

/// A case of messages.json: one object of each kind. Those of the first group are whole MLSMessages.
struct MessagesVector: Decodable {
    let mls_welcome: Hex
    let mls_group_info: Hex
    let mls_key_package: Hex
    let public_message_application: Hex
    let public_message_proposal: Hex
    let public_message_commit: Hex
    let private_message: Hex

    let ratchet_tree: Hex
    let group_secrets: Hex
    let add_proposal: Hex
    let update_proposal: Hex
    let remove_proposal: Hex
    let pre_shared_key_proposal: Hex
    let re_init_proposal: Hex
    let external_init_proposal: Hex
    let group_context_extensions_proposal: Hex
    let commit: Hex

    /// The MLSMessages that may be sent: all but the PublicMessage with application data.
    var messages: [[UInt8]] {
        [mls_welcome, mls_group_info, mls_key_package, public_message_proposal, public_message_commit, private_message]
            .map(\.bytes)
    }

    static func all() throws -> [MessagesVector] {
        let cases = try Vectors.load("messages.json", of: MessagesVector.self)
        #expect(cases.count >= 300)
        return cases
    }
}
