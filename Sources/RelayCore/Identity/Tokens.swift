import MLSCrypto
import RelayWire
import TLSPresentation

/// Tokens that admit new users. What is shown is looked up by its hash: who reads the store learns no token.
extension Relay {
    private func key(of token: [UInt8]) -> BytesKey { BytesKey(SHA256.hash(token).bytes) }

    func token(_ shown: [UInt8]) throws(State.Failure) -> (key: BytesKey, record: TokenRecord)? {
        let key = key(of: shown)
        return try state.get(Tables.tokens, key).map { (key, $0) }
    }

    /// Counts a registration; the last one spends the token.
    mutating func use(_ key: BytesKey, _ record: TokenRecord) throws(State.Failure) {
        var record = record
        record.uses -= 1
        if record.uses == 0 {
            try state.remove(Tables.tokens, key)
        } else {
            try state.set(Tables.tokens, key, record)
        }
    }

    /// - Parameter token: random, from outside.
    mutating func createToken(
        _ token: [UInt8], uses: UInt32, notAfter: Timestamp, note: [UInt8], at now: Timestamp
    ) throws(State.Failure) -> Outcome {
        var count = 0
        var over: [BytesKey] = []
        try state.forEach(Tables.tokens) { (key, record) throws(State.Failure) in
            if record.admits(at: now) { count += 1 } else { over.append(key) }
            return true
        }
        guard count < limits.maxTokenCount else {
            return .refused(.quotaExceeded("max-tokens", "There are at most \(limits.maxTokenCount) tokens."))
        }
        for key in over { try state.remove(Tables.tokens, key) }
        let number = TokenNumber(rawValue: try state.nextNumber(.token))
        let record = TokenRecord(number: number, uses: uses, notAfter: notAfter, note: note)
        // One that admits nobody is not kept.
        if record.admits(at: now) { try state.set(Tables.tokens, key(of: token), record) }
        return .answered(EncodedFrame(Administered(token: token, tokens: [TokenDescription(record)])))
    }

    mutating func revokeToken(_ number: TokenNumber) throws(State.Failure) -> Outcome {
        var found: BytesKey?
        try state.forEach(Tables.tokens) { (key, record) throws(State.Failure) in
            if record.number == number { found = key }
            return found == nil
        }
        if let found { try state.remove(Tables.tokens, found) }
        return .answered(EncodedFrame(Administered()))
    }
}

extension RecordReading where Self: ~Copyable {
    /// The tokens that still admit somebody, in the order of their making.
    func tokens(at now: Timestamp) throws(Failure) -> [TokenDescription] {
        var tokens: [TokenDescription] = []
        try forEach(Tables.tokens) { (_, record) throws(Failure) in
            if record.admits(at: now) { tokens.append(TokenDescription(record)) }
            return true
        }
        return tokens.sorted { $0.token < $1.token }
    }
}

extension TokenRecord {
    func admits(at now: Timestamp) -> Bool { uses > 0 && (notAfter.rawValue == 0 || now <= notAfter) }
}

extension TokenDescription {
    init(_ record: TokenRecord) {
        self.init(token: record.number, uses: record.uses, notAfter: record.notAfter, note: record.note)
    }
}
