extension MLSMessage: FieldDescribed {
    /// The message field by field, in the order of its bytes.
    public var fields: [FieldTree] {
        let head = [FieldTree("version", ProtocolVersion.mls10), FieldTree("wire_format", wireFormat)]
        return switch self {
        case .publicMessage(let message): head + [FieldTree("public_message", message)]
        case .privateMessage(let message): head + [FieldTree("private_message", message)]
        case .welcome(let message): head + [FieldTree("welcome", message)]
        case .groupInfo(let message): head + [FieldTree("group_info", message)]
        case .keyPackage(let message): head + [FieldTree("key_package", message)]
        }
    }
}

extension Sender: FieldDescribed {
    public var fields: [FieldTree] {
        let type = FieldTree("sender_type", senderType)
        return switch self {
        case .member(let leafIndex): [type, FieldTree("leaf_index", leafIndex)]
        case .external(let senderIndex): [type, FieldTree("sender_index", senderIndex)]
        case .newMemberProposal, .newMemberCommit: [type]
        }
    }
}

extension FramedContent: FieldDescribed {
    public var fields: [FieldTree] {
        let body =
            switch content {
            case .application(let applicationData): FieldTree("application_data", applicationData)
            case .proposal(let proposal): FieldTree("proposal", proposal)
            case .commit(let commit): FieldTree("commit", commit)
            }
        return [
            FieldTree("group_id", groupID), FieldTree("epoch", epoch), FieldTree("sender", sender),
            FieldTree("authenticated_data", authenticatedData), FieldTree("content_type", contentType), body,
        ]
    }
}

extension FramedContentAuthData: FieldDescribed {
    public var fields: [FieldTree] {
        [FieldTree("signature", signature)] + (confirmationTag.map { [FieldTree("confirmation_tag", $0)] } ?? [])
    }
}

extension PublicMessage: FieldDescribed {
    public var fields: [FieldTree] {
        [FieldTree("content", content), FieldTree("auth", auth)]
            + (membershipTag.map { [FieldTree("membership_tag", $0)] } ?? [])
    }
}

extension PrivateMessage: FieldDescribed {
    public var fields: [FieldTree] {
        [
            FieldTree("group_id", groupID), FieldTree("epoch", epoch), FieldTree("content_type", contentType),
            FieldTree("authenticated_data", authenticatedData),
            FieldTree("encrypted_sender_data", encryptedSenderData), FieldTree("ciphertext", ciphertext),
        ]
    }
}

extension EncryptedGroupSecrets: FieldDescribed {
    public var fields: [FieldTree] {
        [FieldTree("new_member", newMember), FieldTree("encrypted_group_secrets", encryptedGroupSecrets)]
    }
}

extension Welcome: FieldDescribed {
    public var fields: [FieldTree] {
        [
            FieldTree("cipher_suite", cipherSuite), FieldTree("secrets", secrets),
            FieldTree("encrypted_group_info", encryptedGroupInfo),
        ]
    }
}

extension GroupContext: FieldDescribed {
    public var fields: [FieldTree] {
        [
            FieldTree("version", version), FieldTree("cipher_suite", cipherSuite), FieldTree("group_id", groupID),
            FieldTree("epoch", epoch), FieldTree("tree_hash", treeHash),
            FieldTree("confirmed_transcript_hash", confirmedTranscriptHash), FieldTree("extensions", extensions),
        ]
    }
}

extension GroupInfo: FieldDescribed {
    public var fields: [FieldTree] {
        [
            FieldTree("group_context", groupContext), FieldTree("extensions", extensions),
            FieldTree("confirmation_tag", confirmationTag), FieldTree("signer", signer),
            FieldTree("signature", signature),
        ]
    }
}
