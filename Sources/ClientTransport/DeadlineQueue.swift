import HeapModule

/// Names something that was scheduled on a `ClientLoop`, so that it can be called off.
public struct DeadlineID: Hashable, Sendable {
    fileprivate let rawValue: UInt64
}

/// What is to happen later, soonest first; O(log n) each. One thread at a time.
///
/// Calling off only forgets the body: the place in the heap goes when its time comes.
struct DeadlineQueue {
    private struct Place: Comparable {
        let instant: ContinuousClock.Instant
        let id: UInt64

        static func < (left: Place, right: Place) -> Bool {
            left.instant == right.instant ? left.id < right.id : left.instant < right.instant
        }
    }

    private var heap = Heap<Place>()
    private var bodies: [UInt64: () -> Void] = [:]
    private var nextID: UInt64 = 0

    mutating func schedule(at instant: ContinuousClock.Instant, _ body: @escaping () -> Void) -> DeadlineID {
        nextID += 1
        heap.insert(Place(instant: instant, id: nextID))
        bodies[nextID] = body
        return DeadlineID(rawValue: nextID)
    }

    mutating func cancel(_ id: DeadlineID) { bodies[id.rawValue] = nil }

    /// When the next one is due; nil if there is none.
    mutating func nextInstant() -> ContinuousClock.Instant? {
        while let place = heap.min {
            if bodies[place.id] != nil { return place.instant }
            heap.removeMin()
        }
        return nil
    }

    /// Takes out the next one that is due at `now`; nil if none is.
    mutating func popDue(at now: ContinuousClock.Instant) -> (() -> Void)? {
        while let place = heap.min, place.instant <= now {
            heap.removeMin()
            if let body = bodies.removeValue(forKey: place.id) { return body }
        }
        return nil
    }
}
