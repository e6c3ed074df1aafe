import RelayCore
import RelayStore
import RelayWire
import TLSPresentation

/// Whoever publishes KeyPackages, as far as their check has to know it.
struct Publisher {
    let client: ClientNumber
    /// Read when the first KeyPackage comes.
    var identity: Identity?

    init(_ client: ClientNumber) { self.client = client }
}

extension RelayLoop {
    // MARK: Publishing

    /// Why a KeyPackage is not taken. Its signatures are verified here, on the loop's thread: there are several loops, and
    /// one writer.
    func checkKeyPackage(_ message: RawSpan, by publisher: inout Publisher) -> RelayError? {
        let identity: Identity
        if let known = publisher.identity {
            identity = known
        } else {
            do throws(StoreError) {
                let client = publisher.client
                let read = try reader.read { (snapshot) throws(StoreError) in try snapshot.identity(of: client) }
                guard let read else { return RelayError(.notPermitted, "The client is not registered any more.") }
                identity = read
            } catch {
                return unreadable(error)
            }
            publisher.identity = identity
        }
        return keyPackages.refusal(of: message, by: identity, at: Timestamp(rawValue: wallClockMilliseconds()))
    }

    // MARK: Requests

    /// PROTOCOL.md section 7.5.
    func fetchKeyPackages(
        _ frame: FetchKeyPackages, _ requestID: RequestID, _ session: Session, _ client: ClientNumber
    ) {
        guard frame.requests.count <= WireLimits.maxKeyPackageRequests else {
            let limit = WireLimits.maxKeyPackageRequests
            return answer(session, requestID, RelayError(.tooManyRequests, "At most \(limit) KeyPackages at once."))
        }
        send(.fetchKeyPackages(frame.requests), requestID, session, client)
    }

    /// PROTOCOL.md section 7.5. Those whose lifetime is over are not counted, in their pool or not.
    func countKeyPackages(_ requestID: RequestID, _ session: Session, _ client: ClientNumber) {
        let now = Timestamp(rawValue: wallClockMilliseconds())
        var counts: [KeyPackageCount] = []
        do throws(StoreError) {
            try reader.read { (snapshot) throws(StoreError) in
                try snapshot.forEachKeyPackage(of: client) { pooled in
                    guard !pooled.isExpired(at: now) else { return true }
                    if counts.last?.cipherSuite != pooled.cipherSuite {
                        counts.append(KeyPackageCount(cipherSuite: pooled.cipherSuite, count: 0, hasLastResort: false))
                    }
                    if pooled.isLastResort {
                        counts[counts.count - 1].hasLastResort = true
                    } else {
                        counts[counts.count - 1].count += 1
                    }
                    return true
                }
            }
            answer(session, requestID, KeyPackageCounts(counts: counts))
        } catch {
            answer(session, requestID, unreadable(error))
        }
    }
}
