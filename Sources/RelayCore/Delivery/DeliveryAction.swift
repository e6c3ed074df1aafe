public import RelayWire

/// What is asked about the delivery of a log's entries, and changes something.
public enum DeliveryAction: Hashable, Sendable {
    /// - Parameter followed: of the logs that are named, those that the connection follows.
    case checkHeads([HeadDigest], followed: Set<LogNumber>)
}

extension Relay {
    mutating func carryOut(
        _ action: DeliveryAction, by client: ClientNumber, at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        switch action {
        case .checkHeads(let heads, let followed):
            .answered(EncodedFrame(try checkHeads(heads, followed: followed, by: client, at: now)))
        }
    }
}
