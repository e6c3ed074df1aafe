import TLSPresentation

/// What several records of the store are written with.
extension Reader {
    /// - Throws: `unknownValue` for another version than the one that this program writes.
    mutating func expectVersion(_ version: UInt8, _ type: StaticStringName) throws(DecodingError) {
        let start = byteOffset
        let found = try uint8()
        guard found == version else {
            throw DecodingError(.unknownValue(type: type, value: UInt64(found)), at: start)
        }
    }

    /// A vector of `opaque x<V>`.
    mutating func opaques() throws(DecodingError) -> [[UInt8]] {
        var inner = try vectorReader()
        var all: [[UInt8]] = []
        while !inner.isAtEnd { all.append(try inner.opaque()) }
        return all
    }

    /// UTF-8, as this program has written it.
    mutating func text() throws(DecodingError) -> String { String(decoding: try opaque(), as: UTF8.self) }
}

extension Writer {
    mutating func opaques(_ values: some Sequence<[UInt8]>) {
        vector { (writer: inout Writer) in for value in values { writer.opaque(value) } }
    }

    mutating func text(_ value: String) { opaque(Array(value.utf8)) }
}
