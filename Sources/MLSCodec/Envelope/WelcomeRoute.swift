import TLSPresentation

/// What a Welcome says in the clear: the KeyPackages whose clients it is for. RFC 9420 section 12.4.3.1.
public struct WelcomeRoute: Hashable, Sendable {
    public let cipherSuite: CipherSuite
    /// How many clients it is for.
    public let secretsCount: Int
    /// The content of the vector `secrets`.
    public let secrets: Range<Int>

    init(from reader: inout Reader) throws(DecodingError) {
        cipherSuite = try CipherSuite(from: &reader)
        var content = try reader.vectorReader()
        let start = content.byteOffset
        var count = 0
        while !content.isAtEnd {
            _ = try Self.newMember(from: &content)
            count += 1
        }
        secretsCount = count
        secrets = start..<content.byteOffset
        // encrypted_group_info
        _ = try reader.opaqueRange()
    }

    /// Calls `body` with where each KeyPackageRef stands in `message`, in order; nothing is allocated.
    /// - Precondition: `message` is what the envelope was read from.
    public func forEachNewMember<Failure: Error>(
        in message: RawSpan, _ body: (Range<Int>) throws(Failure) -> Void
    ) throws(Failure) {
        var content = Reader(message.extracting(secrets), base: secrets.lowerBound)
        for _ in 0..<secretsCount {
            let newMember: Range<Int>
            do throws(DecodingError) {
                newMember = try Self.newMember(from: &content)
            } catch { preconditionFailure("the message that the envelope was read from") }
            try body(newMember)
        }
    }

    /// The KeyPackageRef of an EncryptedGroupSecrets.
    private static func newMember(from reader: inout Reader) throws(DecodingError) -> Range<Int> {
        let newMember = try reader.opaqueRange()
        try Walk.hpkeCiphertext(&reader)
        return newMember
    }
}
