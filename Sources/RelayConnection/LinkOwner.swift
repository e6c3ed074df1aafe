import ClientTransport

/// Owns a client's connection: it ends when its client is gone.
///
/// An isolated deinit of the actor would say the same, but Swift 6.3 cannot import such an actor into an optimized build.
final class LinkOwner: @unchecked Sendable {
    // Sendable because `link` is touched on the mailbox's thread alone: by the actor that lives there, and by `deinit`
    // at last, which nobody else can be beside.
    var link: Link?
    private let mailbox: LoopMailbox

    init(_ mailbox: LoopMailbox) { self.mailbox = mailbox }

    deinit {
        guard let link else { return }
        // It is handed to its own thread, and nobody else has it.
        nonisolated(unsafe) let last = link
        mailbox.enqueue { _ in unsafe last.fail(RelayConnectionError(.closed, "the client is gone")) }
    }
}
