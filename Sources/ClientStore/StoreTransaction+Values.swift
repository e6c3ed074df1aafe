import MLSCrypto
public import TLSPresentation

/// Records that are structures of the presentation language.
extension StoreTransaction {
    /// The value at a key, decoded; nil where there is none.
    /// - Throws: `damaged`, also where it is no `Value`; `failed`.
    public func decode<Value: TLSDecodable>(
        _ type: Value.Type, _ table: StoreTable, _ key: [UInt8]
    ) throws(ClientStoreError) -> Value? {
        guard let record = try get(table, key) else { return nil }
        do throws(DecodingError) {
            return try Value(decoding: record.bytes)
        } catch {
            throw .damaged("\(table.name) \(key.hex): \(error)")
        }
    }

    /// The value at a key, decoded as what the caller makes of it.
    /// - Throws: as above.
    public func decode<Value: TLSDecodable>(_ table: StoreTable, _ key: [UInt8]) throws(ClientStoreError) -> Value? {
        try decode(Value.self, table, key)
    }

    /// Writes the encoding of a value at a key. Not for secrets: what is encoded stays behind in memory.
    /// - Throws: `full`, `failed`, `damaged`.
    public func encode(_ value: some TLSEncodable, _ table: StoreTable, _ key: [UInt8]) throws(ClientStoreError) {
        let encoded = value.encoded
        try put(table, key, encoded.rawSpan)
    }
}
