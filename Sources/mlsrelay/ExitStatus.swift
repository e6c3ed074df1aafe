import Glibc
import RelayAuthority
import RelayServer
import RelaySettings
import RelayStore
import RelayTransport

/// How `mlsrelay serve` ends when it cannot run: the numbers of sysexits.h, which supervisors and scripts know.
enum ExitStatus {
    /// An option of the command line is wrong; 64.
    static let usage = EX_USAGE
    /// The environment, or the configuration file, or both together; 78.
    static let configuration = EX_CONFIG

    static func of(_ errors: SettingErrors) -> Int32 { errors.all.contains(where: \.isUsage) ? usage : configuration }

    static func of(_ error: RelayServer.StartError) -> Int32 {
        switch error {
        case .store(let error): of(error)
        case .transport(let error): of(error)
        case .authority(let error): of(error)
        // What is set for the Authentication Service does not fit together: 78.
        case .credentials: configuration
        }
    }

    static func of(_ error: AuthorityError) -> Int32 {
        switch error {
        // What an operator put there, or did not.
        case .serverNameInvalid, .lifetimeInvalid, .otherServer, .rootKeyNeeded, .ended, .notYetValid: configuration
        case .malformed, .keyDiffers, .chainRefused: EX_DATAERR
        case .accessTooWide: EX_NOPERM
        case .file: EX_IOERR
        case .invalidKey, .crypto: EX_SOFTWARE
        }
    }

    static func of(_ error: StoreError) -> Int32 {
        switch error {
        // May go away by itself: 75.
        case .inUse: EX_TEMPFAIL
        // What is stored is none of this program's: 65.
        case .formatUnknown, .corrupted: EX_DATAERR
        // The data directory cannot be made or written: 73. What else the disk refuses: 74.
        case .failed(let call, let code):
            code == EACCES || code == EPERM
                ? EX_NOPERM : call.hasPrefix("mkdir") || call.hasPrefix("open") ? EX_CANTCREAT : EX_IOERR
        default: EX_IOERR
        }
    }

    static func of(_ error: TransportError) -> Int32 {
        switch error.reason {
        case .addressInUse: EX_TEMPFAIL
        case .addressUnavailable: EX_UNAVAILABLE
        case .notPermitted: EX_NOPERM
        case .certificate: EX_NOINPUT
        case .system: EX_OSERR
        }
    }
}
