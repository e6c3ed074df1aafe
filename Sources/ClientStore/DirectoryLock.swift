import Glibc

/// Keeps a directory for one store; gives it free when it ends.
final class DirectoryLock {
    private let descriptor: Int32

    /// Locks `directory`, which is made where it is missing.
    /// - Throws: `inUse`, `failed`, `full`.
    init(_ directory: String) throws(ClientStoreError) {
        try Self.make(directory)
        descriptor = unsafe open(directory + "/client.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        // `close` of what could not be opened does nothing.
        if descriptor < 0 { try LMDB.check(errno, "open client.lock") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            // What is thrown here ends this, and so closes the file.
            if errno == EWOULDBLOCK { throw .inUse }
            throw .failed(call: "flock", code: errno)
        }
    }

    deinit {
        // Closing alone is not enough while a child of this process, between fork and exec, has the file open too.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    private static func make(_ directory: String) throws(ClientStoreError) {
        if unsafe mkdir(directory, 0o700) == 0 { return try synchronize(directory + "/..") }
        if errno != EEXIST { try LMDB.check(errno, "mkdir \(directory)") }
    }

    /// Makes durable which files a directory has: LMDB does that for their content only.
    /// - Throws: `failed`, `full`.
    static func synchronize(_ directory: String) throws(ClientStoreError) {
        let descriptor = unsafe open(directory, O_RDONLY | O_CLOEXEC | O_DIRECTORY)
        guard descriptor >= 0 else { return try LMDB.check(errno, "open \(directory)") }
        defer { close(descriptor) }
        if fsync(descriptor) != 0 { try LMDB.check(errno, "fsync \(directory)") }
    }
}
