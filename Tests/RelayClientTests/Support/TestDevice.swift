import ClientStore
import Foundation
import RelayClient
import RelayConnection
import RelayWire
import Synchronization

@testable import RelayClient

/// A device whose inside a test looks at: an identity and its store, which stay when the client ends.
final class TestDevice: Sendable {
    let identity: DeviceIdentity
    let url: String
    private let directory: String
    private let state: Mutex<(client: RelayClient?, configuration: RelayClientConfiguration)>

    init(_ user: String, _ device: String = "phone", at url: String) throws {
        identity = try DeviceIdentity.create(user: user, device: device)
        self.url = url
        directory = temporaryPath("device-\(user)")
        state = Mutex((nil, Person.configuration))
    }

    deinit {
        // What is left is a temporary folder.
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// The client that is open.
    var client: RelayClient {
        get throws { try state.withLock { state in try state.client ?? { throw TestFailure("no client is open") }() } }
    }

    func configure(_ change: (inout RelayClientConfiguration) -> Void) {
        state.withLock { change(&$0.configuration) }
    }

    /// Opens the store, where it is another one's turn not to answer if a test wants that.
    @discardableResult
    func open(_ faults: (@Sendable (Bool) -> Bool)? = nil) throws -> RelayClient {
        var store = ClientStoreConfiguration()
        store.isDurable = false
        store.faults = faults
        let configuration = state.withLock { $0.configuration }
        let client = try RelayClient(
            identity: identity, directory: directory, relay: url, configuration: configuration,
            storeConfiguration: store)
        state.withLock { $0.client = client }
        return client
    }

    @discardableResult
    func connect(_ admission: DeviceAdmission = .open) async throws -> RelayClient {
        let client = try open()
        try await client.connect(admission: admission)
        return client
    }

    func close() async {
        let client = state.withLock { state in
            defer { state.client = nil }
            return state.client
        }
        await client?.close()
    }

    /// Another device of this user, which this one has admitted.
    func admitted(_ name: String) async throws -> TestDevice {
        let other = try TestDevice(identity.user, name, at: url)
        let admission = try await client.admit(other.identity.admissionRequest)
        try await other.connect(.device(admission))
        return other
    }
}

struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// The code of the error that `body` ends with; nil where it does not.
func clientErrorCode(_ body: () async throws -> Void) async -> RelayClientError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return RelayClientError(error).code
    }
}

extension RelayClient {
    var keyPackageStates: [[UInt8]: KeyPackageRecord.State] {
        get throws { try store.read { try $0.keyPackageStates() } }
    }

    /// How many KeyPackages the relay says that it has.
    func countAtRelay() async throws -> KeyPackageCount? {
        try await usableConnection().countKeyPackages().first { $0.cipherSuite == Account.suite }
    }

    /// Every KeyPackage that this device has ever published.
    func published() async throws -> [[UInt8]] {
        let log = try await usableConnection().subscribe(to: .keyPackages)
        defer { log.cancel() }
        var iterator = log.makeAsyncIterator()
        var all: [[UInt8]] = []
        var place = SequenceNumber.zero
        while place < log.info.last, let entry = try await iterator.next() {
            place = entry.header.sequenceNumber
            if let entry = entry.entry, entry.header.kind == .message { all.append(entry.payload) }
        }
        return all
    }

    func readAccount() -> Account { account }
}
