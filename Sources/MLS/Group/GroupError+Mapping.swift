import MLSCrypto
import MLSPublicGroup
import TLSPresentation

/// What the layers below throw, as what a group throws.
extension GroupError {
    static func crypto<Result: ~Copyable>(
        _ body: () throws(CryptoError) -> Result
    ) throws(GroupError) -> Result {
        do throws(CryptoError) { return try body() } catch { throw .crypto(error) }
    }

    static func framing<Result: ~Copyable>(
        _ body: () throws(FramingError) -> Result
    ) throws(GroupError) -> Result {
        do throws(FramingError) { return try body() } catch { throw GroupError(error) }
    }

    /// - Parameter rule: what is broken where something cannot be decrypted.
    static func keySchedule<Result: ~Copyable>(
        or rule: ValidationRule, _ body: () throws(KeyScheduleError) -> Result
    ) throws(GroupError) -> Result {
        do throws(KeyScheduleError) {
            return try body()
        } catch {
            switch error {
            case .decryptionFailed: throw .refused(rule)
            case .malformed(let error): throw .malformed(error)
            case .tooManyPSKs: throw .refused(.pskAvailable)
            }
        }
    }

    init(_ error: FramingError) {
        switch error {
        case .applicationDataInPublic: self = .refused(.applicationInPublic)
        case .contentNotAllowed: self = .refused(.wireFormat)
        case .tagMissingOrUnexpected: self = .refused(.confirmationTagPresence)
        case .tooLong: self = .tooLong
        case .wrongGroup: self = .refused(.groupID)
        case .wrongEpoch: self = .refused(.applicationEpoch)
        case .ownMessage: self = .ownMessage
        case .unknownSender: self = .refused(.senderDataLeaf)
        case .senderDataDecryptionFailed: self = .refused(.senderDataDecryption)
        case .decryptionFailed: self = .refused(.contentDecryption)
        case .invalidMembershipTag: self = .refused(.membershipTag)
        case .invalidSignature: self = .refused(.contentSignature)
        case .malformed(let error): self = .malformed(error)
        case .noKey(.generationConsumed): self = .refused(.generationUsed)
        case .noKey(.tooFarAhead), .noKey(.exhausted): self = .refused(.generationTooFar)
        case .noKey(.noSuchLeaf), .noKey(.incomplete): self = .refused(.senderDataLeaf)
        case .signing(let error): self = .crypto(error)
        }
    }
}
