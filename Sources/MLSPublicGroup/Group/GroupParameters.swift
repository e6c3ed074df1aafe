import MLSCodec
import TLSPresentation

/// A GroupContext's extensions, decoded as far as this module understands them.
struct GroupParameters: Hashable, Sendable {
    let extensions: [Extension]
    let requiredCapabilities: RequiredCapabilities?
    /// Nil where there is no such extension.
    let externalSenders: [ExternalSender]?

    /// - Throws: `13.4-duplicate`, and `malformed` for data that are no encoding.
    init(_ extensions: [Extension]) throws(GroupError) {
        self.extensions = extensions
        try extensions.checkTypesAreUnique()
        do {
            requiredCapabilities = try extensions.first(RequiredCapabilities.self)
            externalSenders = try extensions.first(ExternalSenders.self)?.externalSenders
        } catch {
            throw .malformed(error)
        }
    }

    /// The types that every member has to list in its capabilities. RFC 9420 sections 7.2 and 13.4.
    var listedTypes: some Sequence<ExtensionType> {
        extensions.lazy.map(\.extensionType).filter { !$0.isDefault }
    }

    /// "Whenever a new credential is introduced in the group, it MUST be validated with the AS: … when an
    /// external_senders extension is added …; when an existing external_senders extension is updated." RFC 9420 section
    /// 5.3.1.
    /// - Parameter known: those who were validated before.
    func checkExternalSenders(
        except known: [ExternalSender] = [], with authenticationService: any AuthenticationService
    ) throws(GroupError) {
        for sender in externalSenders ?? [] where !known.contains(sender) {
            guard
                authenticationService.isValid(
                    sender.credential, signatureKey: sender.signatureKey, in: .externalSender)
            else { throw .refused(.externalSenderCredential) }
        }
    }
}

extension [Extension] {
    /// "Any field containing a list of extensions MUST NOT have more than one extension of any given type." RFC 9420
    /// section 13.4.
    func checkTypesAreUnique() throws(GroupError) {
        // Most lists are of a few, for which a set is not worth its allocation.
        if count < 2 { return }
        guard Set(map(\.extensionType)).count == count else { throw .refused(.duplicateExtension) }
    }
}
