import Glibc
import MLSCrypto
import RelayWire
import TLSPresentation

/// An identity's file: readable and writable for its owner alone.
/// ```
/// struct { opaque magic[16] = "mlsrelay.ident\r\n"; uint16 version = 1; opaque name<V>; SignatureScheme scheme;
///          opaque private_key<V>; } IdentityFile;
/// ```
extension ConnectionIdentity {
    private static let magic = Array("mlsrelay.ident\r\n".utf8)
    private static let version: UInt16 = 1
    private static let permissions: mode_t = 0o600
    /// Bytes of the largest file that is read: a name, a key, and what stands around them.
    private static let maxFileByteCount = 1024

    /// Writes the identity to a new file at `path`; a crash leaves the whole file or none.
    /// - Parameter replacing: whether a file that is there already may go.
    /// - Throws: `fileExists`, `system`, `crypto`; nothing has then changed at `path`.
    public func save(to path: String, replacing: Bool = false) throws(ConnectionIdentityError) {
        let temporary = "\(path).\(randomBytes(8).hex)"
        let descriptor = try Self.check("open") {
            unsafe open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, Self.permissions)
        }
        // Gone already where it was renamed.
        defer { _ = unsafe unlink(temporary) }
        do throws(ConnectionIdentityError) {
            try write(to: descriptor)
            try Self.check("fsync") { fsync(descriptor) }
        } catch {
            _ = close(descriptor)
            throw error
        }
        try Self.check("close") { close(descriptor) }
        if replacing {
            try Self.check("rename") { unsafe rename(temporary, path) }
        } else if unsafe link(temporary, path) != 0 {
            let code = errno
            throw code == EEXIST ? .fileExists : .system(call: "link", code: code)
        }
    }

    /// The identity in the file at `path`.
    /// - Throws: `fileExposed` where others than the owner have any permission, `fileMalformed`, `system`.
    public static func load(from path: String) throws(ConnectionIdentityError) -> ConnectionIdentity {
        let descriptor = try check("open") { unsafe open(path, O_RDONLY | O_CLOEXEC) }
        defer { _ = close(descriptor) }
        var status = stat()
        try check("fstat") { unsafe fstat(descriptor, &status) }
        guard status.st_mode & 0o077 == 0 else { throw .fileExposed(permissions: status.st_mode & 0o777) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: maxFileByteCount, alignment: 1)
        defer {
            if let start = buffer.baseAddress { unsafe explicit_bzero(start, buffer.count) }
            unsafe buffer.deallocate()
        }
        var count = 0
        while count < buffer.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
            let more = try check("read") { unsafe Int32(read(descriptor, rest.baseAddress, rest.count)) }
            if more == 0 { break }
            count += Int(more)
        }
        return try unsafe parse(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: buffer[..<count])))
    }

    private func write(to descriptor: Int32) throws(ConnectionIdentityError) {
        let secret: SecretBytes
        do throws(CryptoError) {
            secret = try key.privateKeyBytes()
        } catch {
            throw .crypto(error)
        }
        var head = Writer(Self.magic)
        head.integer(Self.version)
        head.opaque(name.utf8)
        key.scheme.encode(into: &head)
        head.varint(secret.byteCount)
        try Self.write(head.bytes.rawSpan, to: descriptor)
        // Straight from where it is erased: no copy of the key stays behind.
        try Self.write(secret.bytes, to: descriptor)
    }

    private static func write(_ bytes: RawSpan, to descriptor: Int32) throws(ConnectionIdentityError) {
        let count = try check("write") {
            unsafe bytes.withUnsafeBytes { unsafe Int32(Glibc.write(descriptor, $0.baseAddress, $0.count)) }
        }
        // A local file takes so few bytes at once or not at all.
        guard Int(count) == bytes.byteCount else { throw .system(call: "write", code: EIO) }
    }

    private static func parse(_ file: RawSpan) throws(ConnectionIdentityError) -> ConnectionIdentity {
        do {
            var reader = Reader(file)
            guard try reader.bytes(count: magic.count) == magic, try reader.uint16() == version else {
                throw ConnectionIdentityError.fileMalformed
            }
            let name = String(decoding: try reader.opaque(), as: UTF8.self)
            let scheme = try SignatureScheme(from: &reader)
            let key = try SigningKey(privateKey: try reader.opaqueSpan(), scheme: scheme)
            try reader.expectEnd()
            return try ConnectionIdentity(name: name, key: key)
        } catch {
            // Whatever is wrong with it: it is no identity.
            throw .fileMalformed
        }
    }

    @discardableResult
    private static func check(_ name: String, _ call: () -> Int32) throws(ConnectionIdentityError) -> Int32 {
        while true {
            let result = call()
            if result >= 0 { return result }
            let code = errno
            if code != EINTR { throw .system(call: name, code: code) }
        }
    }
}
