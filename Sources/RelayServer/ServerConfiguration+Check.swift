import Glibc
import RelayAuthority
import RelayCredentials
import RelayWire

extension ServerConfiguration {
    /// Why the relay could not start with the authority that is configured; nil where it could. Makes none.
    public func authorityProblem() -> String? {
        guard credentials.rule != .basic else { return nil }
        guard (try? ServerName(serverName)) != nil else { return AuthorityError.serverNameInvalid.description }
        guard let directory = credentials.authorityDirectory else {
            // In the data directory, which is looked at on its own.
            return access(dataDirectory + "/authority/root.pem", F_OK) == 0 ? loadingProblem : nil
        }
        if access(directory + "/root.pem", F_OK) == 0 { return loadingProblem }
        if access(directory, F_OK) == 0 {
            return access(directory + "/.", R_OK | W_OK | X_OK) == 0
                ? nil : "\(directory): \(String(cString: strerror(errno)))"
        }
        // It would be made in the directory that it names.
        let end = directory.reversed().drop { $0 == "/" }.drop { $0 != "/" }
        let parent = end.isEmpty ? "." : String(end.reversed())
        return access(parent, W_OK | X_OK) == 0
            ? nil : "the authority's directory \(directory) cannot be made: \(String(cString: strerror(errno)))"
    }

    private var loadingProblem: String? {
        do throws(AuthorityError) {
            _ = try certificateAuthority(at: wallClockMilliseconds() / 1000)
            return nil
        } catch {
            return error.description
        }
    }
}
