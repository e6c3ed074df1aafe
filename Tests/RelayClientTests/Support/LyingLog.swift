import MLSCrypto
import RelayWire
import Synchronization
import TLSPresentation

/// What a relay that lies about a group's log tells one victim: consistent in itself, with places and chain hashes of its
/// own, as somebody would who wants not to be noticed. What the victim says is translated back.
///
/// Until the first lie all is as the relay says it.
final class LyingLog: Sendable {
    /// What the victim is told instead of an entry.
    enum Lie: Sendable {
        case truth
        case drop
        /// With another payload.
        case replace([UInt8])
        case twice
        /// Behind the next one.
        case afterNext
    }

    private struct State {
        var book: LyingBook
        var waiting: [(Published, RequestID)] = []
    }

    private let group: [UInt8]
    private let lie: @Sendable (EntryHeader, [UInt8]?) -> Lie
    private let state: Mutex<State>

    /// - Parameter lie: asked once about each entry of the group's log, with its payload where it comes with it.
    init(_ group: [UInt8], _ lie: @escaping @Sendable (EntryHeader, [UInt8]?) -> Lie) {
        self.group = group
        self.lie = lie
        state = Mutex(State(book: LyingBook()))
    }

    /// Whether a lie was told.
    var hasLied: Bool { state.withLock { $0.book.hasLied } }

    /// Begins to lie to whoever is behind `proxy`: cuts its connection, and returns once the log is followed again.
    func begin(at proxy: TamperingProxy) async throws {
        proxy.setRule(rule)
        proxy.cut()
        try await until("the victim following the log") { self.state.withLock { $0.book.number != nil } }
    }

    /// The rule for a proxy.
    func rule(_ passing: TamperingProxy.Passing) -> [TamperingProxy.Action]? {
        state.withLock { state in
            passing.direction == .toClient ? toClient(passing, &state) : toRelay(passing, &state)
        }
    }

    /// What the victim is told when it is shown an entry that the relay does not give it, as the next one of its log.
    func leak(_ entry: Entry) -> [Frame] { state.withLock { $0.book.tell(.entry(entry), .truth) } }

    // MARK: To the victim

    private func toClient(_ passing: TamperingProxy.Passing, _ state: inout State) -> [TamperingProxy.Action]? {
        switch passing.frame {
        case .entry(let frame) where frame.entry.header.log == state.book.number:
            return tell(.entry(frame.entry), frame.entry.payload, &state)
        case .entryDigest(let digest) where digest.header.log == state.book.number:
            return tell(.digest(digest), nil, &state)
        case .published(let published) where state.book.hasLied:
            if let told = state.book.told(published) { return [.send(.published(told), passing.id)] }
            state.waiting.append((published, passing.id))
            return []
        default: return state.book.told(passing.frame).map { [.send($0, passing.id)] }
        }
    }

    /// Entries, and the receipts that had to wait for them.
    private func tell(
        _ pushed: LyingBook.Pushed, _ payload: [UInt8]?, _ state: inout State
    ) -> [TamperingProxy.Action] {
        let lie = state.book.isKnown(pushed.header) ? .truth : lie(pushed.header, payload)
        var actions = state.book.tell(pushed, lie).map { TamperingProxy.Action.send($0, .none) }
        state.waiting.removeAll { published, id in
            guard let told = state.book.told(published) else { return false }
            actions.append(.send(.published(told), id))
            return true
        }
        return actions
    }

    // MARK: To the relay

    private func toRelay(_ passing: TamperingProxy.Passing, _ state: inout State) -> [TamperingProxy.Action]? {
        if case .subscribe(let subscribe) = passing.frame { state.book.learn(subscribe, passing.id, group) }
        return state.book.meant(passing.frame, group).map { [.send($0, passing.id)] }
    }
}

/// Two numberings of one log, the relay's and the one that a victim is told, with the chains of both.
struct LyingBook {
    enum Pushed {
        case entry(Entry)
        case digest(EntryDigest)

        var header: EntryHeader {
            switch self {
            case .entry(let entry): entry.header
            case .digest(let digest): digest.header
            }
        }
        var chain: SHA256Digest {
            switch self {
            case .entry(let entry): entry.chain
            case .digest(let digest): digest.chain
            }
        }
    }

    private(set) var number: LogNumber?
    private(set) var hasLied = false
    /// By the relay's numbers: what was told when the entry came.
    private var frames: [UInt64: [Frame]] = [:]
    /// The victim's cursor at its last Subscribe, by told numbers.
    private var victimHas: UInt64 = 0
    /// The relay's chain by its numbers, the told one by the told ones.
    private var trueChains: [UInt64: SHA256Digest] = [:]
    private var toldChains: [UInt64: SHA256Digest] = [:]
    private var toldNumbers: [UInt64: UInt64] = [:]
    /// By the relay's numbers: the last told one, after it.
    private var toldThrough: [UInt64: UInt64] = [:]
    private var lastTold: UInt64 = 0
    private var lastTrue: UInt64 = 0
    private var kept: Pushed?
    /// The Subscribe whose answer tells the log's number, and the place in it.
    private var asked: (id: RequestID, index: Int, after: UInt64)?

    func isKnown(_ header: EntryHeader) -> Bool { frames[header.sequenceNumber.rawValue] != nil }

    // MARK: Entries

    /// The frames that the victim gets when this one comes.
    mutating func tell(_ pushed: Pushed, _ lie: LyingLog.Lie) -> [Frame] {
        let sequence = pushed.header.sequenceNumber.rawValue
        if let frames = frames[sequence] { return frames.filter { Self.sequence($0) > victimHas } }
        if !hasLied { (lastTold, toldChains[sequence - 1]) = (sequence - 1, trueChains[sequence - 1]) }
        (trueChains[sequence], lastTrue) = (pushed.chain, sequence)
        let told = told(pushed, lie)
        (frames[sequence], toldThrough[sequence]) = (told, lastTold)
        return told
    }

    private static func sequence(_ frame: Frame) -> UInt64 {
        switch frame {
        case .entry(let frame): frame.entry.header.sequenceNumber.rawValue
        case .entryDigest(let digest): digest.header.sequenceNumber.rawValue
        default: 0
        }
    }

    private mutating func told(_ pushed: Pushed, _ lie: LyingLog.Lie) -> [Frame] {
        var told: [Frame] = []
        switch lie {
        case .truth: told = [append(pushed)]
        case .drop: hasLied = true
        case .twice:
            told = [append(pushed)]
            hasLied = true
            told.append(append(pushed))
        case .replace(let payload):
            hasLied = true
            if case .entry(var entry) = pushed {
                entry.payload = payload
                told = [append(.entry(entry))]
            }
        case .afterNext:
            (kept, hasLied) = (pushed, true)
            return []
        }
        if let kept {
            self.kept = nil
            told.append(append(kept))
        }
        return told
    }

    /// The next entry of what the victim is told.
    private mutating func append(_ pushed: Pushed) -> Frame {
        var chain = Chain()
        let sequence = pushed.header.sequenceNumber.rawValue
        var header = pushed.header
        lastTold += 1
        header.sequenceNumber = SequenceNumber(rawValue: lastTold)
        toldNumbers[sequence] = lastTold
        let previous = toldChains[lastTold - 1] ?? .zero
        switch pushed {
        case .entry(let entry):
            let hash = chain.next(
                after: previous, header: header, payloadHash: chain.payloadHash(entry.payload.rawSpan))
            toldChains[lastTold] = hasLied ? hash : entry.chain
            return .entry(
                EntryFrame(Entry(header: header, chain: hasLied ? hash : entry.chain, payload: entry.payload)))
        case .digest(let digest):
            let hash = chain.next(after: previous, header: header, payloadHash: digest.payloadHash)
            toldChains[lastTold] = hasLied ? hash : digest.chain
            return .entryDigest(
                EntryDigest(header: header, chain: hasLied ? hash : digest.chain, payloadHash: digest.payloadHash))
        }
    }

    // MARK: What else the victim is told

    /// What the victim calls the relay's number.
    private func told(_ sequence: SequenceNumber) -> SequenceNumber {
        let raw = sequence.rawValue
        guard hasLied, raw > 0, raw != .max else { return sequence }
        if let told = toldNumbers[raw] { return SequenceNumber(rawValue: told) }
        return raw <= lastTrue ? sequence : SequenceNumber(rawValue: lastTold + (raw - lastTrue))
    }

    /// What the relay calls the victim's number.
    private func meant(_ sequence: SequenceNumber) -> SequenceNumber {
        let raw = sequence.rawValue
        guard hasLied, raw > 0, raw != .max else { return sequence }
        if raw > lastTold { return SequenceNumber(rawValue: lastTrue + (raw - lastTold)) }
        let heard = toldThrough.filter { $0.value <= raw }.keys.max()
        return heard.map { SequenceNumber(rawValue: $0) } ?? sequence
    }

    /// The receipts as the victim has to see them; nil while an entry of them has not come.
    func told(_ published: Published) -> Published? {
        var told = published
        for index in told.receipts.indices where told.receipts[index].log == number {
            guard let sequence = toldNumbers[told.receipts[index].sequenceNumber.rawValue],
                let chain = toldChains[sequence]
            else { return nil }
            told.receipts[index].sequenceNumber = SequenceNumber(rawValue: sequence)
            told.receipts[index].chain = chain
        }
        return told
    }

    /// Another frame with its numbers changed; nil for one that has none.
    mutating func told(_ frame: Frame) -> Frame? {
        switch frame {
        case .subscribed(let subscribed): return .subscribed(told(subscribed))
        case .receipts(var receipts) where receipts.log == number:
            for index in receipts.positions.indices {
                receipts.positions[index].delivered = told(receipts.positions[index].delivered)
                receipts.positions[index].acknowledged = told(receipts.positions[index].acknowledged)
            }
            receipts.deliveredByAll = told(receipts.deliveredByAll)
            receipts.acknowledgedByAll = told(receipts.acknowledgedByAll)
            return .receipts(receipts)
        case .headsChecked(var checked):
            for index in checked.results.indices where checked.results[index].log == number {
                for member in checked.results[index].members.indices {
                    let sequence = checked.results[index].members[member].sequenceNumber
                    checked.results[index].members[member].sequenceNumber = told(sequence)
                }
            }
            return .headsChecked(checked)
        case .groupDescription(var description) where description.log == number:
            (description.first, description.last) = (told(description.first), told(description.last))
            for index in description.members.indices {
                description.members[index].joined = told(description.members[index].joined)
            }
            return .groupDescription(description)
        default: return nil
        }
    }

    private mutating func told(_ subscribed: Subscribed) -> Subscribed {
        var subscribed = subscribed
        if let asked, subscribed.results.indices.contains(asked.index) {
            let result = subscribed.results[asked.index]
            if result.error == .none {
                number = result.log
                trueChains[meant(SequenceNumber(rawValue: asked.after)).rawValue] = result.chain
            }
            self.asked = nil
            if hasLied, let chain = toldChains[asked.after] { subscribed.results[asked.index].chain = chain }
        }
        for index in subscribed.results.indices where subscribed.results[index].log == number {
            subscribed.results[index].first = told(subscribed.results[index].first)
            subscribed.results[index].last = told(subscribed.results[index].last)
        }
        return subscribed
    }

    // MARK: What the victim says

    mutating func learn(_ subscribe: Subscribe, _ id: RequestID, _ group: [UInt8]) {
        guard let index = subscribe.subscriptions.firstIndex(where: { $0.log == .group(group) }) else { return }
        victimHas = subscribe.subscriptions[index].after.rawValue
        asked = (id, index, victimHas)
    }

    /// A frame of the victim's as the relay has to see it; nil for one that has no numbers.
    func meant(_ frame: Frame, _ group: [UInt8]) -> Frame? {
        switch frame {
        case .subscribe(var subscribe):
            for index in subscribe.subscriptions.indices where subscribe.subscriptions[index].log == .group(group) {
                subscribe.subscriptions[index].after = meant(subscribe.subscriptions[index].after)
                subscribe.subscriptions[index].until = meant(subscribe.subscriptions[index].until)
            }
            return .subscribe(subscribe)
        case .credit(var credit):
            credit.until = credit.until.map(meant)
            return .credit(credit)
        case .acknowledge(var acknowledge):
            acknowledge.positions = acknowledge.positions.map(meant)
            return .acknowledge(acknowledge)
        case .checkHeads(var check):
            for index in check.heads.indices where check.heads[index].log == number {
                check.heads[index].sequenceNumber = meant(check.heads[index].sequenceNumber)
                let chain = trueChains[check.heads[index].sequenceNumber.rawValue]
                check.heads[index].chain = chain ?? check.heads[index].chain
            }
            return .checkHeads(check)
        case .denyCommit(var deny) where deny.log == number:
            deny.sequenceNumber = meant(deny.sequenceNumber)
            return .denyCommit(deny)
        default: return nil
        }
    }

    private func meant(_ position: Position) -> Position {
        position.log == number
            ? Position(log: position.log, sequenceNumber: meant(position.sequenceNumber)) : position
    }
}
