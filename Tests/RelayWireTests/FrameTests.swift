import RelayWire
import TLSPresentation
import TestSupport
import Testing

/// Where the body of the frame stands that `bytes` are.
func body(in bytes: [UInt8], limit: Int? = nil) throws(DecodingError) -> Range<Int> {
    switch try FrameSplitter.step(bytes.rawSpan, from: 0, maxByteCount: limit ?? WireLimits.maxFrameByteCount) {
    case .frame(let body): return body
    case .incomplete: throw DecodingError(.truncated, at: bytes.count)
    }
}

func decode(_ bytes: [UInt8], limit: Int? = nil) throws(DecodingError) -> (RequestID, Frame) {
    let body = try body(in: bytes, limit: limit)
    return try Frame.decode(bytes.rawSpan.extracting(body))
}

func reason(_ run: () throws(DecodingError) -> Void) -> DecodingError.Reason? {
    do throws(DecodingError) { try run() } catch { return error.reason }
    return nil
}

extension DecodingError.Reason {
    /// The name that the vectors give it.
    var name: String {
        switch self {
        case .truncated: "truncated"
        case .trailingBytes: "trailing_bytes"
        case .invalidVarintPrefix: "invalid_varint_prefix"
        case .nonMinimalVarint: "non_minimal_varint"
        case .invalidPresence: "invalid_presence"
        case .unknownValue: "unknown_value"
        case .invalidLength: "invalid_length"
        case .invalidField: "invalid_field"
        }
    }
}

@Suite("Frames: the golden vectors, which another encoder made from PROTOCOL.md")
struct FrameTests {
    @Test("every good frame decodes to its meaning, and its meaning encodes to the frame")
    func bothDirections() throws {
        for golden in try GoldenFrame.good() {
            let meaning = try #require(golden.meaning)
            let requestID = RequestID(rawValue: try meaning.integer("request_id"))
            let body = try body(in: golden.bytes)
            let decoded = try Frame.decode(golden.bytes.rawSpan.extracting(body))
            #expect(body.upperBound == golden.bytes.count, "\(golden.name)")
            #expect(decoded.0 == requestID, "\(golden.name)")
            #expect(try Value(reflecting: decoded.1.body) == meaning.field("body"), "\(golden.name)")
            #expect(decoded.1.body.frame(requestID).hex == golden.bytes.hex, "\(golden.name)")
            #expect(type(of: decoded.1.body).type.name == (try meaning.string("type")), "\(golden.name)")
        }
    }

    @Test("every malformed frame is refused for its reason")
    func malformed() throws {
        let malformed = try GoldenFrame.all().filter { $0.meaning == nil }
        #expect(malformed.count >= 80)
        for golden in malformed {
            let seen = reason { () throws(DecodingError) in _ = try decode(golden.bytes, limit: golden.limit) }
            #expect(seen?.name == golden.error, "\(golden.name)")
        }
    }

    @Test("a malformed frame of a client has a code that PROTOCOL.md knows")
    func codes() throws {
        for golden in try GoldenFrame.all() where golden.meaning == nil && golden.direction == .client {
            #expect(ErrorCode.names.contains { $0.name == golden.code }, "\(golden.name)")
            // What tells a length above the limit from the other faults is the reason's byte count.
            let seen = reason { () throws(DecodingError) in _ = try decode(golden.bytes, limit: golden.limit) }
            var isTooLarge = false
            if case .invalidLength("frame", let byteCount) = seen {
                isTooLarge = byteCount > golden.limit ?? WireLimits.maxFrameByteCount
            }
            #expect(isTooLarge == (golden.code == ErrorCode.frameTooLarge.description), "\(golden.name)")
        }
    }

    @Test("every type of frame occurs at least twice, and types below 64 come from clients, the others from the relay")
    func everyType() throws {
        let good = try GoldenFrame.good()
        for type in FrameType.allCases {
            let ofType = try good.filter { try #require($0.meaning).string("type") == type.name }
            #expect(ofType.count >= 2, "\(type.name)")
            let direction: GoldenFrame.Direction =
                type == .ping || type == .pong ? .both : type.rawValue < 64 ? .client : .relay
            #expect(ofType.allSatisfy { $0.direction == direction }, "\(type.name)")
        }
    }

    @Test("every error code occurs, with the detail that belongs to it")
    func everyErrorCode() throws {
        var seen: Set<ErrorCode> = []
        for golden in try GoldenFrame.good() {
            guard case .error(let error) = try decode(golden.bytes).1 else { continue }
            seen.insert(error.code)
            let detail: (any TLSCodable)? =
                switch error.code {
                case .versionUnsupported: try VersionDetail(decoding: error.detail)
                case .staleEpoch, .futureEpoch: try EpochDetail(decoding: error.detail)
                case .rateLimited, .quotaExceeded, .commitReserved: try RetryDetail(decoding: error.detail)
                case .groupInfoInvalid, .commitInvalid, .proposalInvalid, .keyPackageInvalid:
                    try RuleDetail(decoding: error.detail)
                default: nil
                }
            let seenDetail = try detail.map { try Value(reflecting: $0) }
            #expect(seenDetail == golden.detail, "\(error.code)")
        }
        #expect(seen.isSuperset(of: ErrorCode.names.map(\.code)))
    }

    @Test("every truncation of a good frame is refused, as a stream that goes on and as a body that ends")
    func truncations() throws {
        for golden in try GoldenFrame.good() {
            let body = try body(in: golden.bytes)
            for count in 0..<golden.bytes.count {
                let step = try FrameSplitter.step(
                    golden.bytes.rawSpan.extracting(0..<count), from: 0, maxByteCount: WireLimits.maxFrameByteCount)
                guard case .incomplete(let end) = step, end > count, end <= golden.bytes.count else {
                    Issue.record("\(golden.name) after \(count) bytes: \(step)")
                    continue
                }
                guard count >= body.lowerBound else { continue }
                let seen = reason { () throws(DecodingError) in
                    _ = try Frame.decode(golden.bytes.rawSpan.extracting(body.lowerBound..<count))
                }
                if seen != .truncated { Issue.record("\(golden.name) cut after \(count): \(seen?.name ?? "taken")") }
            }
        }
    }

    @Test("a byte behind any good body is refused")
    func trailingBytes() throws {
        for golden in try GoldenFrame.good() {
            let longer = golden.bytes[try body(in: golden.bytes)] + [0]
            let seen = reason { () throws(DecodingError) in _ = try Frame.decode(Array(longer).rawSpan) }
            #expect(seen == .trailingBytes, "\(golden.name)")
        }
    }

    @Test("an unknown type is named in the error, and the header still tells the request id")
    func unknownType() throws {
        let body: [UInt8] = [200, 0, 0, 0, 9, 1, 2, 3]
        #expect(throws: DecodingError(.unknownValue(type: "FrameType", value: 200), at: 0)) {
            _ = try Frame.decode(body.rawSpan)
        }
        var reader = Reader(body.rawSpan)
        let header = try FrameHeader(from: &reader)
        #expect(header.type == 200 && header.requestID == RequestID(rawValue: 9))
    }

    @Test("an unknown kind of log is named in the error, with where it stands")
    func unknownLogKind() {
        #expect(throws: DecodingError(.unknownValue(type: "LogKind", value: 6), at: 0)) {
            _ = try LogName(decoding: [6, 0])
        }
    }

    @Test("a frame that is passed on encoded is the same frame, and is decoded as its own type alone")
    func encodedFrames() throws {
        for golden in try GoldenFrame.good() {
            let (requestID, frame) = try decode(golden.bytes)
            let encoded = EncodedFrame(frame.body)
            var writer = Writer([7])
            encoded.writeFrame(requestID, into: &writer)
            #expect(writer.bytes == [7] + golden.bytes, "\(golden.name)")
            if case .users(let users) = frame {
                #expect(try encoded.decoded(as: Users.self) == users)
                let seen = reason { () throws(DecodingError) in _ = try encoded.decoded(as: UserNames.self) }
                #expect(seen == .unknownValue(type: "FrameType", value: UInt64(FrameType.users.rawValue)))
            }
        }
    }

    @Test("a commit's entry in an EpochDetail has at most 64 KiB")
    func longestEntryInDetail() throws {
        func encoded(_ byteCount: Int) -> [UInt8] {
            EpochDetail(
                log: .none, epoch: Epoch(rawValue: 1), commit: .zero, entry: Array(repeating: 3, count: byteCount)
            ).encoded
        }
        let longest = encoded(WireLimits.maxEntryInDetailByteCount)
        #expect(try EpochDetail(decoding: longest).entry.count == WireLimits.maxEntryInDetailByteCount)
        let longer = encoded(WireLimits.maxEntryInDetailByteCount + 1)
        let seen = reason { () throws(DecodingError) in _ = try EpochDetail(decoding: longer) }
        #expect(seen == .invalidLength(type: "EpochDetail.entry", byteCount: WireLimits.maxEntryInDetailByteCount + 1))
    }

    @Test("the longest Hello begins below every HTTP method")
    func longestHello() throws {
        let hello = Hello(versions: Array(repeating: .v1, count: 28)).frame(RequestID(rawValue: .max))
        #expect(hello.count == WireLimits.maxHelloByteCount && hello[0] < 0x40)
    }
}
