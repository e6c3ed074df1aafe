import RelayClient

/// A person's side of the chat: lines that were typed in, updates for whoever shows them out.
///
/// Lines are carried out one after the other, each once the one before is done; what others do comes meanwhile.
actor ChatSession {
    typealias Job = @Sendable (ChatSession) async -> Void

    /// What the session keeps of a group.
    struct View {
        var group: EncryptedGroup
        var state: GroupState?
        var unreadCount = 0
        var receipts = ReceiptBook()
        /// This device's messages that are shown already, whether the event or the answer to `send` came first.
        var shown: Set<MessageID> = []
        var isEnded = false

        /// What people call it; its id while nobody has said.
        var name: String { state.map(\.name).flatMap { $0.isEmpty ? nil : $0 } ?? group.id.description }
    }

    /// What the relay waits for before this device may register; the next line that is no command is it.
    enum Wanted { case admission, token }

    /// Events of each group that are shown at the start.
    static let firstHistoryCount = 200

    let client: RelayClient
    /// Whether programs read what comes out.
    let isPlain: Bool
    /// What comes out. To be read once.
    nonisolated let updates: AsyncStream<ChatUpdate>
    private let update: AsyncStream<ChatUpdate>.Continuation
    private nonisolated let typed: AsyncStream<String>
    private nonisolated let type: AsyncStream<String>.Continuation
    private let jobs: AsyncStream<Job>
    private let job: AsyncStream<Job>.Continuation

    var views: [GroupID: View] = [:]
    /// The groups in the order in which this device came to them.
    var order: [GroupID] = []
    /// The group that is talked in.
    var present: GroupID?
    var trust: [Fingerprint: KeyTrust] = [:]
    var showsReceipts = true
    var wanted: Wanted?
    /// Devices that were admitted in this run and have not registered yet.
    var admittedCount = 0
    /// Messages of this run that the relay has not taken yet.
    var outstanding: Set<MessageID> = []
    private var drained: CheckedContinuation<Void, Never>?
    var status: ChatStatus
    private var shownStatus: ChatStatus?
    private var isExecuting = false
    private var isClosing = false
    private var exitStatus: Int32 = 0

    init(client: RelayClient, isPlain: Bool) {
        self.client = client
        self.isPlain = isPlain
        status = ChatStatus(user: client.identity.user, device: client.identity.device)
        (updates, update) = AsyncStream.makeStream()
        (typed, type) = AsyncStream.makeStream()
        (jobs, job) = AsyncStream.makeStream()
    }

    /// Connects and carries out what is typed; returns when the session has ended.
    func run(admission: Admission) async {
        await openGroups()
        let events = await client.events()
        start { await $0.follow(events) }
        start { await $0.connect(admission) }
        // A program's first command would come too early; a person sees what the status line says.
        if !isPlain { startExecuting() }
        await withDiscardingTaskGroup { tasks in
            for await job in jobs { tasks.addTask { await job(self) } }
            tasks.cancelAll()
        }
        update.yield(.ended(exitStatus))
        update.finish()
    }

    /// Takes a line that was typed.
    nonisolated func submit(_ line: String) { type.yield(line) }

    /// No more is typed: ends once all that was is done.
    nonisolated func endInput() { type.finish() }

    /// Ends the session with this exit status; what is not sent yet is, the next time.
    func close(_ status: Int32) async {
        guard !isClosing else { return }
        isClosing = true
        exitStatus = status
        await client.close()
        job.finish()
    }

    /// Does something beside everything else, until the session ends.
    func start(_ body: @escaping Job) { job.yield(body) }

    /// Begins to carry out what is typed, if that has not begun.
    func startExecuting() {
        guard !isExecuting else { return }
        isExecuting = true
        start { session in
            for await line in session.typed { await session.execute(line) }
            // Whoever asked for the end has it already; what else ends the input is its end.
            if !Task.isCancelled { await session.quit() }
        }
    }

    /// Ends after the relay has what was said, if it takes it soon.
    func quit() async {
        await drain(atMost: isPlain ? .seconds(10) : .seconds(1))
        await close(0)
    }

    private func drain(atMost limit: Duration) async {
        guard !outstanding.isEmpty, status.connection == .ready else { return }
        start { session in
            // Ended early where the session is.
            try? await Task.sleep(for: limit)
            await session.endDrain()
        }
        await withCheckedContinuation { drained = $0 }
    }

    private func endDrain() {
        drained?.resume()
        drained = nil
    }

    /// Follows one of this device's messages until the relay has it.
    func waitUntilAccepted(_ id: MessageID, in group: EncryptedGroup) async {
        outstanding.insert(id)
        do throws(RelayClientError) {
            _ = try await group.accepted(id)
            mark(id, .sent, in: group.id)
        } catch {
            // Said by an event where it will not arrive; otherwise it goes on the next time.
        }
        outstanding.remove(id)
        if outstanding.isEmpty { endDrain() }
    }

    // MARK: What comes out

    func emit(_ update: ChatUpdate) { self.update.yield(update) }

    func emit(_ kind: ChatLine.Kind, _ text: String) {
        emit(.line(ChatLine(kind, text, group: present)))
    }

    func mark(_ id: MessageID, _ mark: DeliveryMark, in group: GroupID) {
        guard let changed = views[group]?.receipts.note(id, mark), !changed.isEmpty else { return }
        emit(.marks(changed))
    }

    /// Tells the status, where it has changed.
    func tellStatus() {
        status.present = present.flatMap { views[$0] }.map { view in
            ChatStatus.GroupSummary(
                id: view.group.id, name: view.name, epoch: view.state?.epoch ?? 0,
                userCount: view.state?.users.count ?? 0, isEnded: view.isEnded)
        }
        status.unread = order.compactMap { views[$0] }.filter { $0.unreadCount > 0 && $0.group.id != present }
            .map { ChatStatus.Unread(name: $0.name, count: $0.unreadCount) }
        status.vocabulary = vocabulary
        guard status != shownStatus else { return }
        shownStatus = status
        emit(.status(status))
    }

    private var vocabulary: Completion.Vocabulary {
        let states = order.compactMap { views[$0] }.filter { !$0.isEnded }
        let users = Set(states.flatMap { $0.state?.users ?? [] }.map(\.name))
        let own = states.flatMap { $0.state?.users ?? [] }.filter { $0.name == status.user }.flatMap(\.devices)
        return Completion.Vocabulary(
            users: users.map(PeerText.name).sorted(), groups: states.map { PeerText.name($0.name) },
            devices: Set(own.map(\.device)).map(PeerText.name).sorted())
    }
}
