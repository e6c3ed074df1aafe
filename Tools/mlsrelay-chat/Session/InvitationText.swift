import RelayClient

/// Invitations as sentences.
enum InvitationText {
    /// Told to `user`.
    static func sentence(_ invitation: Invitation, user: String) -> String {
        let group = PeerText.name(invitation.groupName)
        let (inviter, invited) = (PeerText.name(invitation.inviter), PeerText.name(invitation.invited))
        let number = "invitation \(invitation.number)"
        if invitation.state == .waitingForApproval, invitation.inviter != user {
            return "\(number): \(inviter) asks to invite \(invited) to \(group): /approve \(invitation.number)"
        }
        if invitation.invited == user, invitation.state == .waiting {
            return "\(number): \(inviter) invites you to \(group): /accept \(invitation.number)"
                + " or /decline \(invitation.number)"
        }
        let who = invitation.invited == user ? "you" : invited
        return "\(number): of \(inviter) for \(who) to \(group): \(state(invitation.state))"
    }

    private static func state(_ state: Invitation.State) -> String {
        switch state {
        case .waiting: "waits for an answer"
        case .waitingForApproval: "waits for an admin's approval"
        case .accepted: "accepted"
        case .declined: "declined"
        case .cancelled: "taken back"
        case .expired: "expired"
        case .completed: "done"
        }
    }
}
