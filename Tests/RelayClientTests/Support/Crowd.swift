import RelayClient
import RelayServer
import Synchronization
import TestSupport

/// The people of one test, with the relay that they use; all are closed when the test ends.
final class Crowd: Sendable {
    let relay: RunningRelay
    private let people = Mutex<[Person]>([])
    private let proxies = Mutex<[String: TamperingProxy]>([:])

    fileprivate init(_ relay: RunningRelay) { self.relay = relay }

    /// A new user with one device.
    /// - Parameters:
    ///   - isProxied: whether the test may come between; see `proxy(of:)`.
    ///   - rule: what it does there from the first frame on.
    func person(
        _ user: String, device: String = "phone", isProxied: Bool = false, faults: StoreFaults? = nil,
        _ change: (inout RelayClientConfiguration) -> Void = { _ in }, rule: TamperingProxy.Rule? = nil
    ) async throws -> Person {
        let url = isProxied ? try makeProxy(user, device, rule).url : relay.url
        let person = try await Person.connected(user, device: device, at: url, faults: faults, change)
        people.withLock { $0.append(person) }
        return person
    }

    /// New users with one device each.
    func people(_ users: [String], isProxied: Bool = false) async throws -> [Person] {
        var people: [Person] = []
        for user in users { people.append(try await person(user, isProxied: isProxied)) }
        return people
    }

    /// Another device of a user.
    func device(_ device: String, of person: Person, isProxied: Bool = false) async throws -> Person {
        let url = isProxied ? try makeProxy(person.user, device).url : relay.url
        let further = try await person.furtherDevice(device, at: url)
        people.withLock { $0.append(further) }
        return further
    }

    private func makeProxy(
        _ user: String, _ device: String, _ rule: TamperingProxy.Rule? = nil
    ) throws -> TamperingProxy {
        let proxy = try TamperingProxy(before: relay)
        proxy.setRule(rule)
        proxies.withLock { $0["\(user)'s \(device)"] = proxy }
        return proxy
    }

    /// Who stands between a device and the relay.
    func proxy(of person: Person) throws -> TamperingProxy {
        guard let proxy = proxies.withLock({ $0[person.name] }) else {
            throw FakeServer.Failure(description: "\(person.name) has no proxy")
        }
        return proxy
    }

    /// A group that the first creates and the others are added to, without asking them; returns when all are in it.
    func group(
        _ members: [Person], named name: String = "Choir",
        _ change: (inout GroupPolicySettings) -> Void = { _ in }
    ) async throws -> GroupID {
        guard let founder = members.first else { throw FakeServer.Failure(description: "a group of nobody") }
        var policy = GroupPolicySettings()
        policy.join = .direct
        change(&policy)
        let group = try await founder.createGroup(named: name, policy: policy)
        let others = Set(members.map(\.user)).subtracting([founder.user])
        if !others.isEmpty { try await group.add(others.sorted()) }
        for member in members { _ = try await member.joined(group.id) }
        try await converge(members, in: group.id)
        return group.id
    }

    fileprivate func close() async {
        let (people, proxies) = (people.withLock { $0 }, proxies.withLock { $0 })
        for person in people { await person.close() }
        for proxy in proxies.values { proxy.stop() }
    }
}

/// Runs `body` with a relay and the people that it makes.
func withCrowd(
    _ change: @escaping @Sendable (inout ServerConfiguration) -> Void = { _ in },
    _ body: (Crowd) async throws -> Void
) async throws {
    try await withRelay(change) { relay in
        let crowd = Crowd(relay)
        let result: Result<Void, any Error>
        do { result = .success(try await body(crowd)) } catch { result = .failure(error) }
        await crowd.close()
        try result.get()
    }
}
