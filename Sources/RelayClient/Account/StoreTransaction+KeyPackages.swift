import ClientStore
import MLS
import MLSCodec
import MLSCrypto
import RelayWire
import TLSPresentation

/// The table of KeyPackages.
extension StoreTransaction {
    /// The record of a KeyPackage; nil where there is none.
    func keyPackage(_ reference: [UInt8]) throws -> KeyPackageRecord? {
        guard let bytes = try get(Tables.keyPackages, reference) else { return nil }
        do {
            return try KeyPackageRecord(decoding: bytes)
        } catch {
            throw ClientStoreError.damaged("a KeyPackage: \(error)")
        }
    }

    func put(_ record: KeyPackageRecord, _ reference: [UInt8]) throws {
        let bytes = record.encoded()
        try put(Tables.keyPackages, reference, bytes.bytes)
    }

    func keyPackageStates() throws -> [[UInt8]: KeyPackageRecord.State] {
        var states: [[UInt8]: KeyPackageRecord.State] = [:]
        for key in try keys(Tables.keyPackages, prefix: []) { states[key] = try keyPackage(key)?.state }
        return states
    }

    /// The MLSMessage with a KeyPackage.
    /// - Throws: `damaged` where there is none.
    func keyPackageMessage(_ reference: [UInt8]) throws -> [UInt8] {
        guard let record = try keyPackage(reference) else { throw ClientStoreError.damaged("a KeyPackage is missing") }
        return MLSMessage.keyPackage(try record.secrets().keyPackage).encoded
    }

    /// The relay has it. A last-resort KeyPackage takes the place of those before it.
    func didPublishKeyPackage(_ reference: [UInt8], _ place: SequenceNumber, at now: UInt64) throws {
        // A Welcome may have come, and have been used, before the answer.
        guard var record = try keyPackage(reference) else { return }
        record.state.sequenceNumber = place
        try put(record, reference)
        guard record.state.isLastResort else { return }
        for (other, state) in try keyPackageStates() where other != reference && state.isLastResort && !state.isRetired
        {
            try retireKeyPackage(other, at: now)
        }
    }

    /// It is of no more use, and its secrets go after a while.
    func retireKeyPackage(_ reference: [UInt8], at now: UInt64) throws {
        guard var record = try keyPackage(reference) else { return }
        record.state.deleteAfter = now + KeyPackagePlan.graceTime
        try put(record, reference)
    }
}

extension RelayClient {
    /// The KeyPackages of this device among those that a Welcome names, with their secrets.
    func keyPackageSecrets(refs: [[UInt8]], in transaction: StoreTransaction) throws -> [KeyPackageSecrets] {
        try refs.compactMap { try transaction.keyPackage($0)?.secrets() }
    }

    /// Deletes the secrets of a KeyPackage that has been joined with (RFC 9420 section 10). Those of a last-resort one
    /// stay: others may have it too. They go when it is replaced and some time is over.
    func deleteKeyPackage(ref: [UInt8], in transaction: StoreTransaction) throws {
        guard let record = try transaction.keyPackage(ref), !record.state.isLastResort else { return }
        try transaction.delete(Tables.keyPackages, ref)
    }
}
