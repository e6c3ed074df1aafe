import MLSCodec
public import MLSCrypto
public import RelayWire
public import TLSPresentation

/// What one Publish may hold. PROTOCOL.md section 9.
public struct PublishLimits: Hashable, Sendable {
    /// Bytes of an MLSMessage.
    public var maxMessageByteCount = 1 << 20
    /// Bytes of an MLSMessage that is a KeyPackage: with X.509 chains and post-quantum keys one has some kilobytes.
    public var maxKeyPackageByteCount = 32 << 10
    public var maxMessagesPerPublish = 256

    public init() {}
}

extension CommandBatch {
    /// Parses the body of a Publish frame as far as each message's route, and adds the command; the one copy of a message
    /// on its way to the store is made here.
    /// - Parameters:
    ///   - body: the body behind the frame header.
    ///   - sha256: the caller's hash context.
    ///   - checkKeyPackage: why an MLSMessage with a KeyPackage is refused; its signatures are verified here.
    /// - Returns: why the Publish is refused; the batch is then as it was.
    /// - Throws: when the frame itself is malformed; the batch is then as it was.
    public mutating func appendPublish(
        _ body: RawSpan, connection: ConnectionID, requestID: RequestID, client: ClientNumber, limits: PublishLimits,
        sha256: inout SHA256, checkKeyPackage: (RawSpan) -> RelayError?
    ) throws(DecodingError) -> RelayError? {
        try appendMessages(
            body, limits: limits, sha256: &sha256, connection: connection, requestID: requestID, client: client,
            checkKeyPackage
        ) { (range, reader) throws(DecodingError) in .publish(range) }
    }

    /// Parses the body of a PublishCommit frame as `appendPublish` does that of a Publish.
    public mutating func appendPublishCommit(
        _ body: RawSpan, connection: ConnectionID, requestID: RequestID, client: ClientNumber, limits: PublishLimits,
        sha256: inout SHA256
    ) throws(DecodingError) -> RelayError? {
        try appendMessages(
            body, limits: limits, sha256: &sha256, connection: connection, requestID: requestID, client: client,
            Self.keyPackageApart
        ) { (range, reader) throws(DecodingError) in
            let roster = DeclaredRoster(added: try reader.vector(), removed: try reader.vector())
            return .publishCommit(range, roster)
        }
    }

    /// Adds the creation of a tracked group.
    /// - Returns: why it is refused; the batch is then as it was.
    public mutating func appendCreation(
        of group: NewGroup, _ published: [[UInt8]], connection: ConnectionID, requestID: RequestID,
        client: ClientNumber, limits: PublishLimits, sha256: inout SHA256
    ) -> RelayError? {
        let (firstByte, firstMessage) = (bytes.count, messages.count)
        for message in published {
            if let refusal = append(
                message.rawSpan, firstMessage: firstMessage, limits: limits, sha256: &sha256, Self.keyPackageApart)
            {
                truncate(bytes: firstByte, messages: firstMessage)
                return refusal
            }
        }
        commands.append(
            Command(
                connection: connection, requestID: requestID, client: client,
                action: .createTrackedGroup(group, firstMessage..<messages.count)))
        return nil
    }

    private mutating func appendMessages(
        _ body: RawSpan, limits: PublishLimits, sha256: inout SHA256, connection: ConnectionID, requestID: RequestID,
        client: ClientNumber, _ checkKeyPackage: (RawSpan) -> RelayError?,
        _ action: (Range<Int>, inout Reader) throws(DecodingError) -> Command.Action
    ) throws(DecodingError) -> RelayError? {
        let (firstByte, firstMessage) = (bytes.count, messages.count)
        let made: Command.Action
        do throws(DecodingError) {
            var reader = Reader(body)
            var content = try reader.vectorReader()
            while !content.isAtEnd {
                let message = try content.opaqueSpan()
                if let refusal = append(
                    message, firstMessage: firstMessage, limits: limits, sha256: &sha256, checkKeyPackage)
                {
                    truncate(bytes: firstByte, messages: firstMessage)
                    return refusal
                }
            }
            made = try action(firstMessage..<messages.count, &reader)
            try reader.expectEnd()
        } catch {
            truncate(bytes: firstByte, messages: firstMessage)
            throw error
        }
        guard messages.count > firstMessage else {
            return RelayError(.messageMalformed, "A Publish holds at least one message.")
        }
        commands.append(Command(connection: connection, requestID: requestID, client: client, action: made))
        return nil
    }

    /// KeyPackages are published apart from a group's messages, which are those of these frames.
    private static func keyPackageApart(_ message: RawSpan) -> RelayError? {
        RelayError(.messageMalformed, "A KeyPackage is published apart from a group's messages.")
    }

    private mutating func truncate(bytes byteCount: Int, messages messageCount: Int) {
        bytes.removeSubrange(byteCount...)
        messages.removeSubrange(messageCount...)
    }

    private mutating func append(
        _ message: RawSpan, firstMessage: Int, limits: PublishLimits, sha256: inout SHA256,
        _ checkKeyPackage: (RawSpan) -> RelayError?
    ) -> RelayError? {
        guard messages.count - firstMessage < limits.maxMessagesPerPublish else {
            return RelayError(.tooManyMessages, "A Publish holds at most \(limits.maxMessagesPerPublish) messages.")
        }
        guard message.byteCount <= limits.maxMessageByteCount else {
            return RelayError(.messageTooLarge, "An MLSMessage has at most \(limits.maxMessageByteCount) bytes.")
        }
        let envelope: MLSMessageEnvelope
        do throws(EnvelopeError) {
            envelope = try MLSMessageEnvelope(message)
        } catch {
            return RelayError(.messageMalformed, "Not an MLSMessage that this relay takes: \(error).")
        }
        let start = bytes.count
        let route: MessageToPublish.Route
        switch envelope.payload {
        case .publicMessage(let message):
            route = .group(
                groupID: message.groupID.shifted(by: start), epoch: Epoch(rawValue: message.epoch),
                isCommit: message.contentType == .commit)
        case .privateMessage(let message):
            route = .group(
                groupID: message.groupID.shifted(by: start), epoch: Epoch(rawValue: message.epoch),
                isCommit: message.contentType == .commit)
        case .groupInfo(let info):
            route = .groupInfo(groupID: info.groupID.shifted(by: start), epoch: Epoch(rawValue: info.epoch))
        case .welcome(let welcome):
            var references: [[UInt8]] = []
            welcome.forEachNewMember(in: message) { references.append([UInt8](message.extracting($0))) }
            guard !references.isEmpty else {
                return RelayError(.messageMalformed, "A Welcome is for at least one client.")
            }
            route = .welcome(references: references)
        case .keyPackage(let keyPackage):
            guard message.byteCount <= limits.maxKeyPackageByteCount else {
                return RelayError(
                    .keyPackageTooLarge, "A KeyPackage has at most \(limits.maxKeyPackageByteCount) bytes.")
            }
            if let refusal = checkKeyPackage(message) { return refusal }
            do throws(CryptoError) {
                let reference = try keyPackageRef(
                    of: message.extracting(keyPackage.keyPackage), suite: keyPackage.cipherSuite)
                route = .keyPackage(
                    PublishedKeyPackage(
                        reference: reference, cipherSuite: keyPackage.cipherSuite,
                        isLastResort: keyPackage.isLastResort,
                        signatureKey: [UInt8](message.extracting(keyPackage.signatureKey)),
                        notAfter: Timestamp(seconds: keyPackage.lifetime?.notAfter ?? 0)))
            } catch {
                return RelayError(.messageMalformed, "This relay does not know the cipher suite of the KeyPackage.")
            }
        }
        let hash = sha256.hash(message)
        if messages[firstMessage...].contains(where: { $0.hash == hash }) {
            return RelayError(.messageMalformed, "A Publish holds each message once.")
        }
        unsafe message.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        messages.append(MessageToPublish(range: start..<bytes.count, hash: hash, route: route))
        return nil
    }
}

extension Range<Int> {
    fileprivate func shifted(by offset: Int) -> Range<Int> { lowerBound + offset..<upperBound + offset }
}
