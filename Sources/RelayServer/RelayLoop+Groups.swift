import RelayCore
import RelayStore
import RelayWire
import TLSPresentation

extension RelayLoop {
    /// Requests about groups.
    /// - Returns: false for a frame that is none.
    func handleGroup(
        _ type: FrameType, _ requestID: RequestID, _ content: RawSpan, _ session: Session, _ client: ClientNumber
    ) throws(DecodingError) -> Bool {
        switch type {
        case .createGroup: try createGroup(content, requestID, session, client)
        case .publishCommit:
            try publish(requestID, session) { (id) throws(DecodingError) in
                try commands.appendPublishCommit(
                    content, connection: id, requestID: requestID, client: client, limits: configuration.publish,
                    sha256: &sha256)
            }
        case .denyCommit: send(.group(.deny(try DenyCommit(decoding: content))), requestID, session, client)
        case .updateGroup: send(.group(.update(try UpdateGroup(decoding: content))), requestID, session, client)
        case .setRole: send(.group(.setRole(try SetRole(decoding: content))), requestID, session, client)
        case .ban: send(.group(.ban(try Ban(decoding: content))), requestID, session, client)
        case .deleteGroup: send(.group(.delete(try DeleteGroup(decoding: content))), requestID, session, client)
        case .fetchGroupInfo:
            send(.group(.fetchGroupInfo(try FetchGroupInfo(decoding: content).groupID)), requestID, session, client)
        case .describeGroup:
            let groupID = try DescribeGroup(decoding: content).groupID
            query(requestID, session) { (snapshot) throws(StoreError) in try snapshot.describe(groupID, for: client) }
        case .listGroups:
            let request = try ListGroups(decoding: content)
            query(requestID, session) { (snapshot) throws(StoreError) in
                .success(try snapshot.list(request, for: client))
            }
        case .followReceipts: followReceipts(try FollowReceipts(decoding: content), requestID, session, client)
        case .checkHeads: checkHeads(try CheckHeads(decoding: content), requestID, session, client)
        default: return try handleInvitation(type, requestID, content, session, client)
        }
        return true
    }

    private func createGroup(
        _ content: RawSpan, _ requestID: RequestID, _ session: Session, _ client: ClientNumber
    ) throws(DecodingError) {
        let frame = try CreateGroup(decoding: content)
        guard frame.policy.mode != .untracked else {
            guard frame == CreateGroup(groupID: frame.groupID, epoch: frame.epoch) else {
                return answer(
                    session, requestID, RelayError(.policyInvalid, "An untracked group has no name and no policy."))
            }
            return send(.createGroup(groupID: frame.groupID, epoch: frame.epoch), requestID, session, client)
        }
        let group = NewGroup(
            groupID: frame.groupID, epoch: frame.epoch, name: frame.name, alias: frame.alias, policy: frame.policy)
        try publish(requestID, session) { (id) throws(DecodingError) in
            commands.appendCreation(
                of: group, frame.messages, connection: id, requestID: requestID, client: client,
                limits: configuration.publish, sha256: &sha256)
        }
    }

    /// Answers from a snapshot.
    func query(
        _ requestID: RequestID, _ session: Session,
        _ body: (borrowing Snapshot) throws(StoreError) -> Result<EncodedFrame, RelayError>
    ) {
        do throws(StoreError) {
            switch try reader.read(body) {
            case .success(let frame): answer(session, requestID, frame)
            case .failure(let refusal): answer(session, requestID, refusal)
            }
        } catch {
            answer(session, requestID, unreadable(error))
        }
    }
}
