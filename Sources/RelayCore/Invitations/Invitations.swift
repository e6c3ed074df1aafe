import RelayWire
import TLSPresentation

/// Invitations into tracked groups. PROTOCOL.md "Invitations".
extension Relay {
    mutating func setState(_ new: InvitationState, of number: InvitationNumber) throws(State.Failure) {
        var record = try state.existing(Tables.invitations, number)
        record.state = new
        try state.set(Tables.invitations, number, record)
        if new.isOpen {
            try state.mark(Tables.userInvitations, PairKey(record.user, number))
            try state.mark(Tables.groupInvitations, PairKey(record.log, number))
        } else {
            try state.remove(Tables.userInvitations, PairKey(record.user, number))
            try state.remove(Tables.groupInvitations, PairKey(record.log, number))
        }
    }

    /// The time of an invitation has come.
    mutating func expire(_ number: InvitationNumber, at now: Timestamp) throws(State.Failure) {
        guard try state.existing(Tables.invitations, number).state.isOpen else { return }
        try end(number, as: .expired, at: now)
    }

    /// Nothing comes of an invitation.
    mutating func end(_ number: InvitationNumber, as end: InvitationState, at now: Timestamp) throws(State.Failure) {
        try setState(end, of: number)
    }
}
