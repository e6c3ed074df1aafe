import RelayCore
import RelayWire
import TLSPresentation

extension RelayLoop {
    /// Requests about invitations. PROTOCOL.md section 7.11.
    /// - Returns: false for a frame that is none.
    func handleInvitation(
        _ type: FrameType, _ requestID: RequestID, _ content: RawSpan, _ session: Session, _ client: ClientNumber
    ) throws(DecodingError) -> Bool {
        let action: InvitationAction
        switch type {
        case .invite: action = .invite(try Invite(decoding: content))
        case .answerInvitation: action = .answer(try AnswerInvitation(decoding: content))
        case .takeInvited: action = .take(try TakeInvited(decoding: content).invitation)
        default: return false
        }
        send(.invitation(action), requestID, session, client)
        return true
    }
}
