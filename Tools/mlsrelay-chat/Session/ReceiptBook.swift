import RelayClient

/// How far this device's messages in one group are.
struct ReceiptBook {
    /// Older ones keep the mark that they have.
    static let maxCount = 1000

    /// In the order in which they were sent.
    private var messages: [(id: MessageID, mark: DeliveryMark)] = []

    /// Takes in a message of this device; one that is known only gets further.
    /// - Returns: what has changed.
    mutating func note(_ id: MessageID, _ mark: DeliveryMark) -> [MessageID: DeliveryMark] {
        if let index = messages.firstIndex(where: { $0.id == id }) { return raise([index], to: mark) }
        messages.append((id, mark))
        messages.removeFirst(max(0, messages.count - Self.maxCount))
        return [id: mark]
    }

    /// A message, and with it all before it, has come so far.
    /// - Returns: what has changed.
    mutating func reach(_ id: MessageID, _ mark: DeliveryMark) -> [MessageID: DeliveryMark] {
        guard let index = messages.firstIndex(where: { $0.id == id }) else { return [:] }
        return raise(Array(0...index), to: mark)
    }

    private mutating func raise(_ indices: [Int], to mark: DeliveryMark) -> [MessageID: DeliveryMark] {
        var changed: [MessageID: DeliveryMark] = [:]
        for index in indices where messages[index].mark < mark {
            messages[index].mark = mark
            changed[messages[index].id] = mark
        }
        return changed
    }
}
