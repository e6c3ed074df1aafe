import ClientStore
import Foundation
import MLSCrypto
import Synchronization
import TLSPresentation

/// A directory for a store, which goes when this does.
final class TestDirectory: Sendable {
    let path = NSTemporaryDirectory() + "mlsrelay-client-store-\(UUID().uuidString)"
    let key = TestDirectory.anyKey()

    deinit {
        // Nothing is there where no store was made.
        try? FileManager.default.removeItem(atPath: path)
    }

    static func anyKey() -> StoreKey {
        StoreKey(SharedSecret(copying: SecretBytes(randomByteCount: StoreKey.byteCount).bytes))
    }

    static let first = StoreTable("first")
    static let second = StoreTable("second")

    /// The store in the directory. It does not sync, unless that is asked for: tests do not lose power.
    func open(
        _ tables: [StoreTable] = [first, second], key: StoreKey? = nil, isDurable: Bool = false,
        maxByteCount: Int = 64 << 20, faults: (@Sendable (Bool) -> Bool)? = nil
    ) throws -> ClientStore {
        var configuration = ClientStoreConfiguration()
        configuration.isDurable = isDurable
        configuration.maxByteCount = maxByteCount
        configuration.faults = faults
        return try ClientStore(directory: path, key: key ?? self.key, tables: tables, configuration: configuration)
    }

    /// A store whose files have no names any more: for those that end their process before they can delete them.
    func openAndUnlink() throws -> ClientStore {
        let store = try open()
        try FileManager.default.removeItem(atPath: path)
        return store
    }

    func contents(of file: String = "data.mdb") throws -> [UInt8] {
        try [UInt8](Data(contentsOf: URL(fileURLWithPath: path + "/" + file)))
    }

    func permissions(of file: String = "") throws -> UInt32 {
        var status = stat()
        guard stat(path + "/" + file, &status) == 0 else { throw CocoaError(.fileReadUnknown) }
        return status.st_mode & 0o777
    }
}

/// Says no at one of the moments that `ClientStoreConfiguration.faults` is asked at, where it is armed.
final class Fault: Sendable {
    private let armed = Mutex<Bool?>(nil)

    /// From now on the answer is no before (false) or after (true) a transaction is durable; nil: yes at all times.
    func arm(_ isCommitted: Bool?) { armed.withLock { $0 = isCommitted } }
    func answer(_ isCommitted: Bool) -> Bool { armed.withLock { $0 != isCommitted } }
}

extension StoreTransaction {
    func put(_ table: StoreTable, _ key: [UInt8], _ value: [UInt8]) throws { try put(table, key, value.rawSpan) }

    /// The value at a key as an array.
    func bytes(_ table: StoreTable, _ key: [UInt8]) throws -> [UInt8]? { try get(table, key).map { [UInt8]($0.bytes) } }
}
