import MLSCodec
import MLSCrypto
import MLSPublicGroup
import TLSPresentation

/// The pre-shared keys of a Commit or a Welcome. RFC 9420 section 8.4.
extension PreSharedKeyStore {
    /// The psk_secret of `ids`, in their order.
    /// - Parameter own: the resumption PSKs of the group that this is about, by their epochs.
    /// - Throws: `refused(.pskAvailable)` where one is not known.
    func pskSecret(
        _ ids: [PreSharedKeyID], groupID: [UInt8], own: [UInt64: SharedSecret],
        crypto: inout CipherSuiteContext
    ) throws(GroupError) -> SecretBytes {
        var result: PSKSecret
        do throws(KeyScheduleError) {
            result = try PSKSecret(count: ids.count, crypto: crypto)
        } catch { throw .refused(.pskAvailable) }
        for id in ids {
            let psk: SecretBytes?
            switch id.key {
            case .external(let pskID): psk = externalPSK(pskID)
            case .resumption(_, let other, let epoch):
                psk =
                    other == groupID
                    ? own[epoch].map { SecretBytes(copying: $0.bytes) }
                    : resumptionPSK(groupID: other, epoch: epoch)
            }
            // "Verify that all PreSharedKey proposals in the proposals vector are available."
            guard let psk else { throw .refused(.pskAvailable) }
            result.add(psk.bytes, id: id, crypto: &crypto)
        }
        return result.finish()
    }
}
