import RelayCore
import RelayTestSupport
import RelayWire
import TLSPresentation
import Testing

typealias StateKind = TestRelay.StateKind

/// The code that `body` is refused with; nil where it is not refused.
func refusal(_ body: () throws -> Void) throws -> ErrorCode? {
    do {
        try body()
        return nil
    } catch let error as RelayError {
        return error.code
    }
}

/// What a stale or future epoch's refusal tells the client.
func epochDetail(_ body: () throws -> Void) throws -> (code: ErrorCode, detail: EpochDetail)? {
    do {
        try body()
        return nil
    } catch let error as RelayError {
        return (error.code, try EpochDetail(decoding: error.detail))
    }
}

/// The refusal that `body` throws.
func refused<Result>(_ body: () throws -> Result) throws -> RelayError {
    do {
        _ = try body()
    } catch let error as RelayError {
        return error
    }
    throw NotRefused()
}

struct NotRefused: Error {}
