import COpenSSL
import Glibc

/// The directory of an authority: two keys and two certificates, in PEM. RFC 7468.
struct AuthorityFiles: Sendable {
    enum Name: String {
        case rootKey = "root-key.pem"
        case root = "root.pem"
        case issuingKey = "issuing-key.pem"
        case issuing = "issuing.pem"

        var isSecret: Bool { self == .rootKey || self == .issuingKey }
    }

    /// Bytes of a file that is read: a key or a certificate has a few hundred.
    private static let maxByteCount = 1 << 16
    /// What nobody but the owner may do with a key.
    private static let othersAccess: mode_t = 0o077
    /// What nobody but the owner may do with the directory: whoever can write there can put other keys in their place.
    private static let othersWriting: mode_t = 0o022

    let directory: String

    func path(_ name: Name) -> String { "\(directory)/\(name.rawValue)" }

    private static func failure(_ path: String, _ operation: String) -> AuthorityError {
        let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "error \(errno)"
        return .file(path: path, operation: operation, reason: reason)
    }

    /// Makes the directory where there is none, for its owner alone.
    func prepare() throws(AuthorityError) {
        if unsafe mkdir(directory, 0o700) != 0, errno != EEXIST { throw Self.failure(directory, "mkdir") }
        var status = stat()
        guard unsafe stat(directory, &status) == 0 else { throw Self.failure(directory, "stat") }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw .malformed(path: directory, reason: "it is not a directory")
        }
        guard status.st_mode & Self.othersWriting == 0 else {
            throw .accessTooWide(path: directory, mode: status.st_mode)
        }
    }

    // MARK: Reading

    /// What `parse` makes of a file's bytes, which are erased afterwards; nil where there is no file.
    func read<Value: ~Copyable>(
        _ name: Name, _ parse: (UnsafeRawBufferPointer) throws(AuthorityError) -> Value
    ) throws(AuthorityError) -> Value? {
        let path = path(name)
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0, errno == ENOENT { return nil }
        guard descriptor >= 0 else { throw Self.failure(path, "open") }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw Self.failure(path, "stat") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .malformed(path: path, reason: "it is not a file")
        }
        if name.isSecret, status.st_mode & Self.othersAccess != 0 {
            throw .accessTooWide(path: path, mode: status.st_mode)
        }

        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.maxByteCount, alignment: 1)
        var count = 0
        defer {
            unsafe OPENSSL_cleanse(buffer.baseAddress, count)
            unsafe buffer.deallocate()
        }
        while true {
            let free = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
            if unsafe free.isEmpty { throw .malformed(path: path, reason: "it is too long") }
            let read = unsafe Glibc.read(descriptor, free.baseAddress, free.count)
            if read < 0, errno == EINTR { continue }
            if read < 0 { throw Self.failure(path, "read") }
            if read == 0 { break }
            count += read
        }
        return unsafe try parse(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }

    // MARK: Writing

    /// Where a file is written before it takes its place.
    private func temporaryPath(_ name: Name) -> String { path(name) + ".new" }

    /// Writes a file to disk, which `place` then puts in its place.
    func stage(_ name: Name, _ bytes: UnsafeRawBufferPointer) throws(AuthorityError) {
        let temporary = temporaryPath(name)
        // What a crash has left there. Opening then makes a file of its own, whatever anybody else has put there.
        if unsafe unlink(temporary) != 0, errno != ENOENT { throw Self.failure(temporary, "unlink") }
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, name.isSecret ? 0o600 : 0o644)
        guard descriptor >= 0 else { throw Self.failure(temporary, "open") }
        defer { close(descriptor) }
        unsafe try Self.writeAll(bytes, to: descriptor, temporary)
        guard fsync(descriptor) == 0 else { throw Self.failure(temporary, "fsync") }
    }

    /// Puts files that are staged in their places, in this order; they are durable when this returns.
    func place(_ names: [Name]) throws(AuthorityError) {
        for name in names {
            guard unsafe rename(temporaryPath(name), path(name)) == 0 else { throw Self.failure(path(name), "rename") }
        }
        try syncDirectory()
    }

    private static func writeAll(
        _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String
    ) throws(AuthorityError) {
        var rest = unsafe bytes
        while unsafe !rest.isEmpty {
            let written = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
            if written < 0, errno == EINTR { continue }
            if written < 0 { throw Self.failure(path, "write") }
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// So that the file's name is durable too.
    private func syncDirectory() throws(AuthorityError) {
        let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(directory, "open") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Self.failure(directory, "fsync") }
    }
}
