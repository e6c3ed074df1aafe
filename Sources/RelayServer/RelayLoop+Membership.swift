import RelayCore
import RelayWire

extension RelayLoop {
    /// Moves the ends of what clients may read. In order: a client may have gone and come again.
    func bound(_ bounds: [Effects.ReadingBound]) {
        var changes: [LogNumber: [ClientNumber: [Effects.ReadingBound]]] = [:]
        for bound in bounds where fanOut.isFollowed(bound.log) {
            changes[bound.log, default: [:]][bound.client, default: []].append(bound)
        }
        for (log, clients) in changes {
            for follower in fanOut.followers(of: log) {
                guard let bounds = clients[follower.client] else { continue }
                for bound in bounds where follower.session.followers[log] === follower { move(follower, bound) }
            }
        }
    }

    private func move(_ follower: Follower, _ bound: Effects.ReadingBound) {
        // It joins again behind entries that were not for it. Going on there would look like a gap in the log: Subscribed has
        // the hash from which its entries follow. What there was until it was out it reads to the end.
        guard follower.cursor >= bound.after else { return }
        follower.through = bound.through
        fanOut.catchUp(follower)
    }

    /// Ends a subscription.
    func drop(_ follower: Follower) {
        guard follower.session.followers.removeValue(forKey: follower.log.number) != nil else { return }
        subscriptionCount -= 1
        reportDelivered(to: follower)
        fanOut.leave(follower)
        remove(follower)
    }
}
