import Metrics

/// What the relay counts. No label names a user, client, group or address.
///
/// Counted once a batch or a turn, not once a message.
struct RelayMetrics: Sendable {
    let connectionsOpened = Counter(label: "mlsrelay_connections_opened_total")
    let connectionsClosed = Counter(label: "mlsrelay_connections_closed_total")
    let connectionsRefused = Counter(label: "mlsrelay_connections_refused_total")
    let sessionsAuthenticated = Counter(label: "mlsrelay_sessions_authenticated_total")
    let framesReceived = Counter(label: "mlsrelay_frames_received_total")
    let entriesPushed = Counter(label: "mlsrelay_entries_pushed_total")
    let bytesPushed = Counter(label: "mlsrelay_pushed_bytes_total")
    let writesBlocked = Counter(label: "mlsrelay_writes_blocked_total")
    let entriesAppended = Counter(label: "mlsrelay_entries_appended_total")
    let commandsApplied = Counter(label: "mlsrelay_commands_applied_total")
    let transactions = Counter(label: "mlsrelay_transactions_total")
    let transactionsFailed = Counter(label: "mlsrelay_transactions_failed_total")
    let transactionDuration = Timer(label: "mlsrelay_transaction_seconds")
    let storeBytes = Meter(label: "mlsrelay_store_bytes")

    /// Refusals by the error's name.
    func refused(_ code: String) -> Counter {
        Counter(label: "mlsrelay_refusals_total", dimensions: [("code", code)])
    }
}
