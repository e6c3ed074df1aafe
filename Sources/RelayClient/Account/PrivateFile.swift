import Glibc
internal import MLSCrypto
internal import TLSPresentation

/// Files that are for their owner alone.
enum PrivateFile {
    /// Writes a new file, durably; a crash leaves the whole file or none.
    /// - Parameter replacing: whether a file that is there already may go.
    /// - Throws: `fileExists`, `fileUnusable`. Nothing has then changed at `path`, unless it is the directory that could
    ///   not be made durable.
    static func write(_ bytes: [UInt8], to path: String, replacing: Bool) throws(RelayClientError) {
        let temporary = "\(path).\(randomBytes(8).hex)"
        // Gone already where it was renamed.
        defer { _ = unsafe unlink(temporary) }
        try writeNew(bytes, to: temporary)
        if replacing {
            try check("rename \(path)", unsafe rename(temporary, path))
        } else {
            // Unlike a renamed file, a link does not take the place of what is there.
            try check("link \(path)", unsafe link(temporary, path))
        }
        try synchronizeDirectory(of: path)
    }

    private static func writeNew(_ bytes: [UInt8], to path: String) throws(RelayClientError) {
        let descriptor = unsafe open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
        try check("open \(path)", descriptor)
        defer { close(descriptor) }
        var start = 0
        while start < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress.map { unsafe $0 + start }, $0.count - start)
            }
            if count < 0, errno == EINTR { continue }
            try check("write \(path)", Int32(clamping: count))
            start += count
        }
        try check("fsync \(path)", fsync(descriptor))
    }

    /// Without it the name of a new file may be lost with the power.
    private static func synchronizeDirectory(of path: String) throws(RelayClientError) {
        let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        try check("open \(directory)", descriptor)
        defer { close(descriptor) }
        try check("fsync \(directory)", fsync(descriptor))
    }

    /// What is in a file.
    /// - Throws: `fileUnusable` where it cannot be read, others than its owner have any permission, or it is no file;
    ///   `damaged` where it is larger than `limit`.
    static func read(_ path: String, atMost limit: Int) throws(RelayClientError) -> [UInt8] {
        // NONBLOCK: the other end of a pipe may never come.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        try check("open \(path)", descriptor)
        defer { close(descriptor) }
        try checkPermissions(descriptor, path)
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var end = 0
        while end < bytes.count {
            let count = unsafe bytes.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor, $0.baseAddress.map { unsafe $0 + end }, $0.count - end)
            }
            if count < 0, errno == EINTR { continue }
            try check("read \(path)", Int32(clamping: count))
            if count == 0 { return Array(bytes[..<end]) }
            end += count
        }
        throw RelayClientError(.damaged, "the file has more than \(limit) bytes")
    }

    private static func checkPermissions(_ descriptor: Int32, _ path: String) throws(RelayClientError) {
        var status = stat()
        try check("fstat \(path)", unsafe fstat(descriptor, &status))
        guard status.st_mode & S_IFMT == S_IFREG else { throw RelayClientError(.fileUnusable, "\(path) is no file") }
        guard status.st_mode & 0o077 == 0 else {
            let permissions = String(status.st_mode & 0o777, radix: 8)
            throw RelayClientError(.fileUnusable, "others may read or change \(path) (permissions \(permissions))")
        }
    }

    /// Throws unless a call of the system's succeeded.
    private static func check(_ call: String, _ result: Int32) throws(RelayClientError) {
        guard result < 0 else { return }
        let code = errno
        if code == EEXIST { throw RelayClientError(.fileExists, "\(call): there is a file of that name already") }
        throw RelayClientError(.fileUnusable, "\(call): errno \(code)")
    }
}
