import Glibc

extension Store {
    /// Whether a relay could open the store in `directory`, or make one there; makes nothing.
    public static func checkUsable(_ directory: String, configuration: StoreConfiguration) throws(StoreError) {
        if Glibc.access(directory + "/data.mdb", F_OK) == 0 {
            _ = try Store(directory, access: .relay, configuration: configuration)
            return
        }
        if Glibc.access(directory, F_OK) != 0 {
            // It would be made in the directory that it names.
            let end = directory.reversed().drop { $0 == "/" }.drop { $0 != "/" }
            let parent = end.isEmpty ? "." : String(end.reversed())
            guard Glibc.access(parent, W_OK | X_OK) == 0 else { throw .failed(call: "mkdir \(directory)", code: errno) }
        } else if Glibc.access(directory + "/.", R_OK | W_OK | X_OK) != 0 {
            throw .failed(call: "open \(directory)", code: errno)
        }
    }
}
