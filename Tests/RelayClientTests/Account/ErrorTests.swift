import ClientStore
import MLSPublicGroup
import RelayConnection
import RelayCore
import RelayServer
import RelayWire
import TLSPresentation
import Testing

@testable import RelayClient

@Suite("RelayClient: errors")
struct ErrorTests {
    @Test(
        "what the relay refuses has a code of the library",
        arguments: [
            (ErrorCode.identityTaken, RelayClientError.Code.nameTaken), (.admissionRequired, .admissionRequired),
            (.admissionInvalid, .admissionInvalid), (.clientRevoked, .deviceRevoked), (.userSuspended, .userSuspended),
            (.roleInsufficient, .notAllowed), (.lastAdmin, .lastAdmin), (.userBanned, .userBanned),
            (.approvalRequired, .approvalRequired), (.invitationUnknown, .invitationUnknown),
            (.messageTooLarge, .messageTooLarge), (.staleEpoch, .obsolete), (.lastClient, .lastDevice),
            (ErrorCode(rawValue: 9999), .refused),
        ])
    func refusals(code: ErrorCode, expected: RelayClientError.Code) {
        let error = RelayClientError(RelayError(code, "no"))
        #expect(error.code == expected && error.message == "no" && error.retryAfter == nil)
    }

    @Test("what happens below has a code of the library")
    func causes() {
        for (cause, expected) in [
            (CancellationError() as any Error, RelayClientError.Code.cancelled), (ClientStoreError.full, .storeFull),
            (ClientStoreError.inUse, .storeInUse), (ClientStoreError.keyWrong, .storeMismatch),
            (ClientStoreError.damaged(""), .damaged), (ClientStoreError.failed(call: "", code: 1), .storeFailed),
            (DecodingError(.truncated, at: 0), .damaged), (GroupError.tooLong, .refused),
            (RelayClientError(.lastAdmin, ""), .lastAdmin),
        ] {
            #expect(RelayClientError(cause).code == expected)
        }
    }

    @Test("a relay that says when to come again is heard")
    func retry() async throws {
        try await withRelay({ $0.core.keyPackageFetchesPerUser = 1 }) { relay in
            let alice = try TestDevice("alice", at: relay.url)
            let client = try await alice.connect()
            var error: RelayClientError?
            for _ in 0..<3 where error == nil {
                do { _ = try await client.fetchKeyPackages(of: ["alice"]) } catch let caught { error = .init(caught) }
            }
            #expect(error?.code == .limited && (error?.retryAfter ?? .zero) > .zero)
            await alice.close()
        }
    }
}
