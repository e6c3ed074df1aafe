import ClientTransport
import MLSCrypto
import RelayWire
import TLSPresentation

/// What ends a run before it is over.
enum LoadError: Error {
    case setup(String)
    /// A connection failed, or the relay did what a relay does not.
    case connection(String)
    /// Nothing more came in the time that was given.
    case timedOut(String)
    case interrupted

    static func refused(_ request: String, _ answer: Frame) -> LoadError {
        if case .error(let error) = answer { return .setup("\(request) was refused: \(error)") }
        return .setup("\(request) was answered by another frame")
    }
}

extension LoadError: CustomStringConvertible {
    var description: String {
        switch self {
        case .setup(let reason), .connection(let reason): reason
        case .timedOut(let phase): "timed out: \(phase)"
        case .interrupted: "interrupted"
        }
    }
}

/// One run of a scenario: the loop, the connections, and what was counted.
///
/// A scenario is straight code on one thread: it asks connections to do something and calls `wait`, which runs the loop
/// until that has happened. Whoever makes something happen calls `wake`.
final class Run {
    let loop: ClientLoop
    let target: Target
    /// Tells the identities of this run from those of others.
    let name = randomBytes(6).hex
    let counts: UnsafeMutablePointer<DeliveryCounts>
    /// From sending to each delivery.
    let latency = Latency()
    /// From sending to the answer.
    let ackLatency = Latency()
    var sentCount: UInt64 = 0
    var acknowledgedCount: UInt64 = 0
    /// What a scenario has found out so far, for the report.
    var results = JSONObject()
    /// Errors that did not end the run, and the first of them.
    private(set) var errorCount = 0
    private(set) var firstError: String?

    private(set) var connections: [RelayConnection] = []
    private(set) var closedCount = 0
    private var connectionNumber = 0
    private var failure: LoadError?
    private var marked: [Publisher] = []

    init(_ target: Target) throws(LoadError) {
        self.target = target
        counts = .allocate(capacity: 1)
        counts.initialize(to: DeliveryCounts())
        do throws(TransportError) {
            loop = try ClientLoop()
        } catch {
            throw .setup("no event loop: \(error)")
        }
        Interruption.tell(loop.mailbox)
        loop.schedule(after: target.timeout) { [weak self] in self?.fail(.timedOut("the run took too long")) }
    }

    deinit { counts.deallocate() }

    // MARK: Waiting

    /// Runs the loop until `isOver`.
    func wait(until isOver: () -> Bool) throws(LoadError) {
        while true {
            if Interruption.hasHappened { throw .interrupted }
            if let failure { throw failure }
            if isOver() { return }
            loop.run()
        }
    }

    /// Runs the loop until `isOver`, at most for `limit`.
    /// - Returns: whether it is over.
    func wait(atMost limit: Duration, until isOver: () -> Bool) throws(LoadError) -> Bool {
        var isLate = false
        let deadline = loop.schedule(after: limit) { [weak self] in
            isLate = true
            self?.wake()
        }
        defer { loop.cancel(deadline) }
        try wait { isLate || isOver() }
        return isOver()
    }

    /// The same where nobody calls `wake` when it is over: looks a hundred times a second.
    func waitPolling(atMost limit: Duration, until isOver: () -> Bool) throws(LoadError) -> Bool {
        var isWaiting = true
        func poll() {
            guard isWaiting else { return }
            wake()
            loop.schedule(after: .milliseconds(10), poll)
        }
        poll()
        defer { isWaiting = false }
        return try wait(atMost: limit, until: isOver)
    }

    /// Runs the loop for `duration`.
    func wait(for duration: Duration) throws(LoadError) { _ = try wait(atMost: duration) { false } }

    /// Something happened that somebody may be waiting for.
    func wake() { loop.stop() }

    /// The run cannot go on.
    func fail(_ error: LoadError) {
        if failure == nil { failure = error }
        wake()
    }

    /// Something is wrong, and the run goes on.
    func note(_ error: String) {
        errorCount += 1
        if firstError == nil { firstError = error }
    }

    // MARK: Publishers

    /// Messages of `publisher` are completed: it is pumped when all that was read is looked at.
    func mark(_ publisher: Publisher) { marked.append(publisher) }

    @inline(__always)
    func pumpMarked() {
        if marked.isEmpty { return }
        for publisher in marked { publisher.pump() }
        marked.removeAll(keepingCapacity: true)
    }

    // MARK: Connections

    /// New connections, not connected yet: keys are made here, so that connecting needs a signature alone.
    func makeConnections(_ count: Int) throws(LoadError) -> [RelayConnection] {
        var made: [RelayConnection] = []
        made.reserveCapacity(count)
        for _ in 0..<count {
            made.append(try RelayConnection(self, number: connectionNumber))
            connectionNumber += 1
        }
        connections += made
        return made
    }

    /// New connections that are ready.
    func connect(_ count: Int) throws(LoadError) -> [RelayConnection] {
        let made = try makeConnections(count)
        try connect(made) { connection, done in done() }
        return made
    }

    /// Connects `waiting`, at most `target.connecting` at a time, and returns when `then` has called back for all.
    func connect(
        _ waiting: [RelayConnection], then: @escaping (RelayConnection, _ done: @escaping () -> Void) -> Void
    ) throws(LoadError) {
        var nextIndex = 0
        var doneCount = 0
        func connectNext() {
            guard nextIndex < waiting.count else { return }
            let connection = waiting[nextIndex]
            nextIndex += 1
            connection.whenReady = { connection in
                then(connection) {
                    doneCount += 1
                    connectNext()
                }
            }
            connection.connect()
        }
        for _ in 0..<target.connecting { connectNext() }
        try wait { doneCount == waiting.count }
    }

    /// Creates the logs of `groups`.
    func create(_ groups: [GroupFeed], by connection: RelayConnection) throws(LoadError) {
        for group in groups { try createEach([group], by: [connection]) }
    }

    /// Creates the logs of `groups`, each by the connection at its place, all at the same time.
    func createEach(_ groups: [GroupFeed], by connections: [RelayConnection]) throws(LoadError) {
        var count = 0
        for (group, connection) in zip(groups, connections) {
            connection.request(CreateGroup(groupID: group.id, epoch: Epoch(rawValue: 0))) { [unowned self] answer in
                guard case .groupCreated(let created) = answer else { return fail(.refused("CreateGroup", answer)) }
                group.log = created.log
                count += 1
            }
        }
        try wait { count == groups.count }
    }

    /// Lets each of `subscribers` follow its groups, and returns when all do.
    func follow(_ subscribers: [RelayConnection], _ groups: (Int) -> [GroupFeed]) throws(LoadError) {
        var count = 0
        for (index, subscriber) in subscribers.enumerated() {
            let followed = groups(index)
            for group in followed { group.subscriberCount += 1 }
            subscriber.follow(followed) { count += 1 }
        }
        try wait { count == subscribers.count }
    }

    func connectionDidClose(_ connection: RelayConnection) {
        closedCount += 1
        wake()
    }

    /// Closes all connections, and returns when they are.
    /// - Returns: whether the relay closed all of them in time.
    func closeAll() throws(LoadError) -> Bool {
        for connection in connections where !connection.isClosed { connection.close() }
        return try wait(atMost: .milliseconds(1900)) { closedCount == connections.count }
    }
}
