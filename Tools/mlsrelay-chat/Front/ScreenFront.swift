import Glibc
import RelayClient

/// The chat on a terminal's screen.
struct ScreenFront {
    private enum Event: Sendable {
        case keys([Key])
        case inputEnded
        case signal(Int32)
        case update(ChatUpdate)
        case draw
    }

    private static let clearing = Array("\u{1b}[2J".utf8)
    /// Between two drawings: what comes faster is drawn together.
    private static let drawInterval = Duration.milliseconds(16)

    private let session: ChatSession
    private let terminal: Terminal
    private var state: ScreenState
    private var isDrawn = true
    /// Whether somebody has asked for the end: who asks again gets it at once.
    private var isEnding = false

    private init(_ session: ChatSession, _ terminal: Terminal) async {
        self.session = session
        self.terminal = terminal
        state = ScreenState(await session.status)
        state.timeOffset = ClockText.localOffset()
    }

    /// Runs the session; returns the status to exit with, with the terminal as it was.
    static func run(_ session: ChatSession, admission: Admission) async throws -> Int32 {
        let terminal = try Terminal()
        var front = await ScreenFront(session, terminal)
        terminal.turnScreenOn()
        defer { terminal.turnScreenOff() }
        return await front.run(admission)
    }

    private mutating func run(_ admission: Admission) async -> Int32 {
        let (events, event) = AsyncStream<Event>.makeStream()
        let session = session
        let sources = Task {
            await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask { await session.run(admission: admission) }
                tasks.addTask { for await update in session.updates { event.yield(.update(update)) } }
                tasks.addTask {
                    for await keys in Input.keys() { event.yield(.keys(keys)) }
                    event.yield(.inputEnded)
                }
                tasks.addTask {
                    let numbers = [SIGWINCH, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCONT]
                    for await number in Signals.stream(numbers) { event.yield(.signal(number)) }
                }
            }
        }
        defer { sources.cancel() }
        draw()
        for await next in events {
            if case .update(.ended(let status)) = next { return status }
            guard !take(next) else { return 1 }
            if case .draw = next { draw() } else { drawSoon(event) }
        }
        return 0
    }

    /// Returns whether to end without waiting for the session.
    private mutating func take(_ event: Event) -> Bool {
        switch event {
        case .keys(let keys): return keys.contains { take($0) }
        case .inputEnded: return end(with: 0)
        case .signal(SIGWINCH), .signal(SIGCONT): terminal.write(Self.clearing)
        case .signal(let number): return end(with: 128 + number)
        case .update(let update): state.apply(update)
        case .draw: break
        }
        return false
    }

    private mutating func take(_ key: Key) -> Bool {
        state.hint = ""
        switch state.editor.handle(key) {
        case .none: break
        case .submit(let line): return submit(line)
        case .complete: complete()
        case .scroll(let pages): scroll(by: pages)
        case .redraw: terminal.write(Self.clearing)
        case .suspend: terminal.suspend()
        case .quit: return end(with: nil)
        }
        return false
    }

    private mutating func submit(_ line: String) -> Bool {
        state.scroll = 0
        // The end does not wait for what is still being done; what cannot be understood is no end.
        if case .quit? = try? CommandLineParser.parse(line) { return end(with: nil) }
        session.submit(line)
        return false
    }

    /// Ends the session, beside everything else; with nil after it has sent what it can.
    private mutating func end(with status: Int32?) -> Bool {
        defer { isEnding = true }
        guard !isEnding else { return true }
        Task { [session] in
            if let status { await session.close(status) } else { await session.quit() }
        }
        return false
    }

    private mutating func complete() {
        let completion = Completion(
            state.editor.text, cursor: state.editor.cursor, state.status.vocabulary)
        state.editor.replace(completion.text, cursor: completion.cursor)
        state.hint = completion.candidates.joined(separator: "  ")
    }

    private mutating func scroll(by pages: Int) {
        let size = terminal.size
        let most = Screen.maxScroll(state, size: size)
        state.scroll = min(max(0, state.scroll + pages * max(1, size.height - 4)), most)
    }

    // MARK: Drawing

    private mutating func drawSoon(_ event: AsyncStream<Event>.Continuation) {
        guard isDrawn else { return }
        isDrawn = false
        Task {
            // Nobody cancels it.
            try? await Task.sleep(for: Self.drawInterval)
            event.yield(.draw)
        }
    }

    private mutating func draw() {
        isDrawn = true
        terminal.write(Screen(state, size: terminal.size).bytes)
    }
}
