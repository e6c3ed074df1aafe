import CLibwebsockets
import Glibc
import Synchronization
import WebSocketFraming

/// One thread with an event loop, its listeners and its connections.
///
/// libwebsockets has the sockets and TLS, on a libuv loop that is ours. The loop's turn: events come and the delegate
/// gathers what follows from them; before the loop waits again, `endTurn` writes it, one system call a connection.
///
/// Created on any thread, one loop after the other; from `start` on everything happens on the loop's own thread, but for
/// `wake`, which any thread may call.
// @unchecked: `wakeDescriptor` is written to by any thread, which the kernel allows; all else is the loop thread's.
public final class ServiceLoop: @unchecked Sendable {
    public let index: Int
    public let configuration: TransportConfiguration
    /// Where the loop listens, with the ports that the kernel chose.
    public let addresses: [ListenAddress]
    public weak var delegate: (any ServiceLoopDelegate)?

    /// Connections that were closed on our side and not yet on the peer's.
    var closing: [Connection] = []
    /// Connections to close in this turn.
    var doomed: [Connection] = []

    private let listeners: [(scheme: Scheme, socket: Int32)]
    private let loop: UnsafeMutablePointer<uv_loop_t>
    private var prepare = UnsafeMutablePointer<uv_prepare_t>.allocate(capacity: 1)
    private var idle = UnsafeMutablePointer<uv_idle_t>.allocate(capacity: 1)
    private var timer = UnsafeMutablePointer<uv_timer_t>.allocate(capacity: 1)
    private var polls: [UnsafeMutablePointer<uv_poll_t>] = []
    private let wakeDescriptor: Int32
    private let wakePending = Atomic<Bool>(false)
    private let stopRequested = Atomic<Bool>(false)
    private var isStopping = false
    private var listenersPausedUntil: UInt64 = 0
    /// Given up to have one descriptor when there are no more.
    private var reserveDescriptor: Int32

    private var connections: [Connection?] = []
    private var freeSlots: [UInt32] = []
    private var generation: UInt32 = 0
    public private(set) var connectionCount = 0
    /// How many connections were refused because there were too many.
    public private(set) var refusedConnectionCount = 0

    private var context: OpaquePointer?
    private var plainHost: OpaquePointer?
    private var encryptedHost: OpaquePointer?
    private let thread = ThreadHandle()

    private static let tickMilliseconds: UInt64 = 250
    /// Connections accepted in a row before those that there are get their turn.
    private static let acceptBurst = 64
    private static let protocolName = "mlsrelay"

    /// Opens the listeners of `configuration` and as many loops as it says.
    public static func make(_ configuration: TransportConfiguration) throws(TransportError) -> [ServiceLoop] {
        try CertificateFiles.check(configuration)
        LibwebsocketsLog.start()
        var groups: [ListenerGroup] = []
        do throws(TransportError) {
            for address in configuration.listeners {
                groups.append(try ListenerGroup(address, count: configuration.loopCount))
            }
        } catch {
            for group in groups { for socket in group.sockets { close(socket) } }
            throw error
        }
        var loops: [ServiceLoop] = []
        for index in 0..<configuration.loopCount {
            loops.append(try ServiceLoop(index: index, configuration: configuration, groups: groups))
        }
        return loops
    }

    /// What of `configuration` could not be used now: addresses that are not free, a certificate that does not load.
    public static func check(_ configuration: TransportConfiguration) -> [TransportError] {
        var errors: [TransportError] = []
        for address in configuration.listeners {
            do throws(TransportError) {
                let group = try ListenerGroup(address, count: 1)
                for socket in group.sockets { close(socket) }
            } catch { errors.append(error) }
        }
        do throws(TransportError) {
            try CertificateFiles.check(configuration)
            LibwebsocketsLog.start()
            // A loop without listeners; it is never started, and what it holds is given back with the process.
            _ = try ServiceLoop(index: 0, configuration: configuration, groups: [])
        } catch { errors.append(error) }
        return errors
    }

    private init(index: Int, configuration: TransportConfiguration, groups: [ListenerGroup]) throws(TransportError) {
        self.index = index
        self.configuration = configuration
        addresses = groups.map(\.address)
        listeners = groups.map { ($0.address.scheme, $0.sockets[index]) }
        loop = .allocate(capacity: 1)
        wakeDescriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        reserveDescriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard wakeDescriptor >= 0, reserveDescriptor >= 0 else { throw TransportError(call: "eventfd") }
        guard uv_loop_init(loop) == 0 else { throw TransportError(call: "uv_loop_init") }
        try createContext()
        startHandles()
    }

    // MARK: libwebsockets

    private func createContext() throws(TransportError) {
        var info = lws_context_creation_info()
        info.port = CONTEXT_PORT_NO_LISTEN_SERVER
        info.options = UInt64(LWS_SERVER_OPTION_LIBUV) | UInt64(LWS_SERVER_OPTION_EXPLICIT_VHOSTS)
        let needsTLS = configuration.needsCertificate
        if needsTLS { info.options |= UInt64(LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT) }
        // More than a TLS record, or raw TLS connections stall; large, because it is shared by all connections.
        info.pt_serv_buf_size = 65536
        info.timeout_secs = 5
        info.user = Unmanaged.passUnretained(self).toOpaque()
        // lws keeps the pointer to the array only during the call, the loop as long as it lives.
        var foreign: UnsafeMutableRawPointer? = UnsafeMutableRawPointer(loop)
        context = withUnsafeMutablePointer(to: &foreign) { pointer in
            info.foreign_loops = pointer
            return lws_create_context(&info)
        }
        guard context != nil else { throw TransportError("libwebsockets could not be set up") }
        plainHost = try createHost(isEncrypted: false)
        if needsTLS { encryptedHost = try createHost(isEncrypted: true) }
    }

    private func createHost(
        isEncrypted: Bool, named name: String? = nil
    ) throws(TransportError) -> OpaquePointer {
        // Kept as long as the process lives, as lws keeps them.
        let protocols = UnsafeMutablePointer<lws_protocols>.allocate(capacity: 2)
        protocols.initialize(repeating: lws_protocols(), count: 2)
        protocols[0].name = UnsafePointer(strdup(Self.protocolName))
        protocols[0].callback = serviceCallback
        protocols[0].rx_buffer_size = 65536
        // One send may be this large; what is above would be copied.
        protocols[0].tx_packet_size = 1 << 20
        let policy = UnsafeMutablePointer<lws_retry_bo_t>.allocate(capacity: 1)
        policy.initialize(to: lws_retry_bo_t())

        var info = lws_context_creation_info()
        info.port = CONTEXT_PORT_NO_LISTEN_SERVER
        info.protocols = UnsafePointer(protocols)
        // All zero: lws's own pings keep every connection in one sorted list.
        info.retry_and_idle_policy = UnsafePointer(policy)
        info.vhost_name = UnsafePointer(strdup(name ?? (isEncrypted ? "encrypted" : "plain")))
        if isEncrypted {
            // Asked of the context and of the host: without it here the host has no TLS, and lws does not say so.
            info.options = UInt64(LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT)
            info.ssl_cert_filepath = UnsafePointer(strdup(configuration.certificatePath ?? ""))
            info.ssl_private_key_filepath = UnsafePointer(strdup(configuration.privateKeyPath ?? ""))
            info.alpn = UnsafePointer(strdup("http/1.1"))
            info.ssl_options_set = Self.tlsOptions
        }
        let (created, lines) = LibwebsocketsLog.gathering { lws_create_vhost(context, &info) }
        guard let host = created else {
            guard isEncrypted else { throw TransportError("libwebsockets could not be set up") }
            throw CertificateFiles.refused(configuration, because: lines)
        }
        return host
    }

    /// Takes the certificate and the key that are in their files now, for connections that come from here on. On the loop's
    /// thread.
    /// - Throws: where they cannot be used; everything is as before then.
    public func reloadCertificate() throws(TransportError) {
        guard configuration.needsCertificate, let certificate = configuration.certificatePath,
            let key = configuration.privateKeyPath
        else { return }
        try CertificateFiles.check(configuration)
        // On a host of their own first: what lws loads in place and does not fit leaves the host without a key.
        lws_vhost_destroy(try createHost(isEncrypted: true, named: "tried"))
        let (code, lines) = LibwebsocketsLog.gathering {
            lws_tls_cert_updated(context, certificate, key, nil, 0, nil, 0)
        }
        guard code == 0 else { throw CertificateFiles.refused(configuration, because: lines) }
    }

    /// OpenSSL's SSL_OP_NO_SSLv3, NO_TLSv1, NO_TLSv1_1 and NO_RENEGOTIATION, whose header this target does not import.
    private static let tlsOptions = 1 << 25 | 1 << 26 | 1 << 28 | 1 << 30

    // MARK: libuv

    private func startHandles() {
        let me = Unmanaged.passUnretained(self).toOpaque()
        uv_prepare_init(loop, prepare)
        prepare.pointee.data = me
        uv_prepare_start(prepare) { handle in ServiceLoop.from(handle?.pointee.data)?.endTurn() }
        uv_idle_init(loop, idle)
        idle.pointee.data = me
        uv_timer_init(loop, timer)
        timer.pointee.data = me
        uv_timer_start(
            timer, { handle in ServiceLoop.from(handle?.pointee.data)?.tick() }, Self.tickMilliseconds,
            Self.tickMilliseconds)
        poll(wakeDescriptor) { handle, _, _ in ServiceLoop.from(handle?.pointee.data)?.drainWake() }
        for listener in listeners {
            poll(listener.socket) { handle, _, _ in
                guard let handle, let loop = ServiceLoop.from(handle.pointee.data) else { return }
                var socket: Int32 = -1
                handle.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { _ = uv_fileno($0, &socket) }
                loop.accept(from: socket)
            }
        }
    }

    private func poll(
        _ descriptor: Int32,
        _ callback: @escaping @convention(c) (UnsafeMutablePointer<uv_poll_t>?, Int32, Int32) -> Void
    ) {
        let handle = UnsafeMutablePointer<uv_poll_t>.allocate(capacity: 1)
        uv_poll_init(loop, handle, descriptor)
        handle.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        uv_poll_start(handle, Int32(UV_READABLE.rawValue), callback)
        polls.append(handle)
    }

    fileprivate static func from(_ pointer: UnsafeMutableRawPointer?) -> ServiceLoop? {
        pointer.map { Unmanaged<ServiceLoop>.fromOpaque($0).takeUnretainedValue() }
    }

    // MARK: Threads

    /// Runs the loop on a thread of its own until `stop`.
    public func start() {
        thread.start(name: "relay-loop-\(index)") { [self] in
            uv_run(loop, UV_RUN_DEFAULT)
            uv_loop_close(loop)
        }
    }

    /// Lets the delegate's `woken` be called soon, on the loop's thread. Many calls may lead to one.
    public func wake() {
        guard !wakePending.exchange(true, ordering: .acquiringAndReleasing) else { return }
        var one: UInt64 = 1
        _ = withUnsafeBytes(of: &one) { Glibc.write(wakeDescriptor, $0.baseAddress, 8) }
    }

    /// Closes everything and ends the thread; returns when it has ended.
    public func stop() {
        stopRequested.store(true, ordering: .releasing)
        var one: UInt64 = 1
        _ = withUnsafeBytes(of: &one) { Glibc.write(wakeDescriptor, $0.baseAddress, 8) }
        thread.join()
    }

    private func drainWake() {
        var count: UInt64 = 0
        _ = withUnsafeMutableBytes(of: &count) { read(wakeDescriptor, $0.baseAddress, 8) }
        // Before the mailbox is looked at: who puts something in afterwards wakes again.
        wakePending.store(false, ordering: .sequentiallyConsistent)
        uv_update_time(loop)
        delegate?.woken()
        if stopRequested.load(ordering: .acquiring), !isStopping { shutDown() }
    }

    /// Milliseconds of a clock that never goes back, as of this turn.
    public var now: UInt64 { uv_now(loop) }

    private func tick() {
        for connection in closing {
            if case .closing(let deadline) = connection.phase, deadline <= now { connection.doom() }
        }
        closing.removeAll { if case .closing = $0.phase { false } else { true } }
        for connection in connections {
            guard let connection, case .handshake = connection.phase else { continue }
            if connection.lastHeard + configuration.handshakeTimeoutMilliseconds <= now { connection.doom() }
        }
        if listenersPausedUntil != 0, listenersPausedUntil <= now { resumeListeners() }
        delegate?.tick()
    }

    private func endTurn() {
        guard !isStopping else { return }
        let hasMore = delegate?.endTurn() ?? false
        closeDoomed()
        if hasMore {
            uv_idle_start(idle) { _ in }
        } else {
            uv_idle_stop(idle)
        }
    }

    private func closeDoomed() {
        while let connection = doomed.popLast() {
            if let wsi = connection.wsi { lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC) }
        }
    }

    private func shutDown() {
        isStopping = true
        delegate?.stopping()
        for connection in connections { connection?.doom() }
        closeDoomed()
        for listener in polls {
            uv_poll_stop(listener)
            listener.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { uv_close($0) { $0?.deallocate() } }
        }
        for listener in listeners { close(listener.socket) }
        for handle in [UnsafeMutableRawPointer(prepare), UnsafeMutableRawPointer(idle), UnsafeMutableRawPointer(timer)]
        {
            uv_close(handle.assumingMemoryBound(to: uv_handle_t.self), nil)
        }
        lws_context_destroy(context)
        context = nil
    }

    // MARK: Listening

    private func accept(from listener: Int32) {
        guard let scheme = listeners.first(where: { $0.socket == listener })?.scheme else { return }
        for _ in 0..<Self.acceptBurst {
            let (socket, address) = Self.accept(listener)
            guard socket >= 0 else {
                if errno == EMFILE || errno == ENFILE { pauseListeners(refusing: listener) }
                if errno == ECONNABORTED || errno == EINTR { continue }
                return
            }
            guard connectionCount < configuration.maxConnectionsPerLoop else {
                refusedConnectionCount += 1
                close(socket)
                continue
            }
            if let refusal = delegate?.refusal(of: address) {
                refusedConnectionCount += 1
                refuse(socket, refusal.bytes(for: scheme))
                continue
            }
            adopt(socket, scheme: scheme, from: address)
        }
    }

    private static func accept(_ listener: Int32) -> (socket: Int32, address: PeerAddress) {
        var storage = sockaddr_storage()
        var byteCount = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let socket = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                accept4(listener, $0, &byteCount, Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
            }
        }
        return (socket, PeerAddress(storage) ?? .unknown)
    }

    /// Says why and closes: one system call more than saying nothing. The peer may have gone, or get it cut off; nothing waits.
    private func refuse(_ socket: Int32, _ bytes: [UInt8]) {
        if !bytes.isEmpty {
            _ = send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            Glibc.shutdown(socket, Int32(SHUT_WR))
        }
        close(socket)
    }

    private func adopt(_ socket: Int32, scheme: Scheme, from address: PeerAddress) {
        var on: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        let connection = insert(scheme: scheme, from: address)
        var descriptor = lws_sock_file_fd_type()
        descriptor.sockfd = socket
        let type = LWS_ADOPT_SOCKET.rawValue | (scheme.isEncrypted ? LWS_ADOPT_ALLOW_SSL.rawValue : 0)
        let host = scheme.isEncrypted ? encryptedHost : plainHost
        // On failure lws has closed the socket.
        guard
            let wsi = lws_adopt_descriptor_vhost(
                host, lws_adoption_type(rawValue: type), descriptor, Self.protocolName, nil)
        else {
            remove(connection)
            return
        }
        // Never plain text where somebody believes to have TLS, whatever lws made of the certificate.
        precondition(!scheme.isEncrypted || lws_is_ssl(wsi) != 0, "an encrypted listener speaks TLS")
        connection.wsi = wsi
        lws_set_opaque_user_data(wsi, Unmanaged.passUnretained(connection).toOpaque())
        if !scheme.isWebSocket { delegate?.opened(connection) }
    }

    /// Out of descriptors: one waiting connection is closed with the reserve, so that it does not hang, and then nothing is
    /// accepted for a moment.
    private func pauseListeners(refusing listener: Int32) {
        close(reserveDescriptor)
        let refused = accept4(listener, nil, nil, Int32(SOCK_CLOEXEC.rawValue))
        if refused >= 0 { close(refused) }
        reserveDescriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
        refusedConnectionCount += 1
        listenersPausedUntil = now + 100
        for handle in polls.dropFirst() { uv_poll_stop(handle) }
    }

    private func resumeListeners() {
        listenersPausedUntil = 0
        for handle in polls.dropFirst() {
            uv_poll_start(handle, Int32(UV_READABLE.rawValue)) { handle, _, _ in
                guard let handle, let loop = ServiceLoop.from(handle.pointee.data) else { return }
                var socket: Int32 = -1
                handle.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { _ = uv_fileno($0, &socket) }
                loop.accept(from: socket)
            }
        }
    }

    // MARK: Connections

    private func insert(scheme: Scheme, from address: PeerAddress) -> Connection {
        generation &+= 1
        let slot = freeSlots.popLast() ?? UInt32(connections.count)
        if slot == connections.count { connections.append(nil) }
        let connection = Connection(slot: slot, generation: generation, scheme: scheme, address: address, loop: self)
        connections[Int(slot)] = connection
        connectionCount += 1
        return connection
    }

    private func remove(_ connection: Connection) {
        guard connections[Int(connection.slot)] === connection else { return }
        connections[Int(connection.slot)] = nil
        freeSlots.append(connection.slot)
        connectionCount -= 1
        delegate?.left(connection.address)
    }

    /// The connection with this slot and generation, while it is there.
    public func connection(slot: UInt32, generation: UInt32) -> Connection? {
        guard slot < connections.count, let connection = connections[Int(slot)], connection.generation == generation
        else {
            return nil
        }
        return connection
    }

    /// Calls `body` with every connection that frames may come and go on.
    public func forEachOpenConnection(_ body: (Connection) -> Void) {
        for connection in connections { if let connection, connection.isOpen { body(connection) } }
    }

    // MARK: Events of libwebsockets

    /// - Returns: -1 to close the socket.
    fileprivate func handle(
        _ reason: lws_callback_reasons, _ wsi: OpaquePointer, _ bytes: UnsafeMutableRawBufferPointer
    ) -> Int32 {
        guard let pointer = lws_get_opaque_user_data(wsi) else { return 0 }
        let connection = Unmanaged<Connection>.fromOpaque(pointer).takeUnretainedValue()
        switch reason {
        case LWS_CALLBACK_RAW_RX:
            if connection.isTimedByLibwebsockets {
                connection.isTimedByLibwebsockets = false
                lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0)
            }
            connection.receive(bytes)
        case LWS_CALLBACK_RAW_WRITEABLE:
            connection.drained()
        case LWS_CALLBACK_RAW_CLOSE:
            gone(connection)
        default:
            break
        }
        return 0
    }

    private func gone(_ connection: Connection) {
        let wasOpened: Bool
        switch connection.phase {
        case .closed: return
        case .handshake: wasOpened = false
        case .open, .closing, .doomed: wasOpened = true
        }
        if let wsi = connection.wsi { lws_set_opaque_user_data(wsi, nil) }
        connection.wsi = nil
        connection.phase = .closed
        if wasOpened { delegate?.closed(connection) }
        remove(connection)
    }
}

/// What libwebsockets calls for every event of its sockets.
private func serviceCallback(
    _ wsi: OpaquePointer?, _ reason: lws_callback_reasons, _ user: UnsafeMutableRawPointer?,
    _ bytes: UnsafeMutableRawPointer?, _ byteCount: Int
) -> Int32 {
    guard let wsi,
        reason == LWS_CALLBACK_RAW_RX || reason == LWS_CALLBACK_RAW_WRITEABLE || reason == LWS_CALLBACK_RAW_CLOSE,
        let context = lws_get_context(wsi), let loop = ServiceLoop.from(lws_context_user(context))
    else { return 0 }
    return loop.handle(reason, wsi, UnsafeMutableRawBufferPointer(start: bytes, count: bytes == nil ? 0 : byteCount))
}
