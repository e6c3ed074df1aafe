import COpenSSL

/// Bytes that nobody else may see, with several owners: erased when the last one lets go. For what stands in a
/// collection, where a `SecretBytes` cannot.
///
/// Unchecked, because the compiler does not know that nobody writes after `init`.
public struct SharedSecret: @unchecked Sendable {
    private let storage: Storage

    /// A copy of `bytes`.
    public init(copying bytes: RawSpan) {
        unsafe self.init(byteCount: bytes.byteCount) { storage in
            unsafe bytes.withUnsafeBytes { unsafe storage.copyMemory(from: $0) }
        }
    }

    /// `byteCount` bytes, all of which `body` writes.
    init(byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
        storage = Storage.make(byteCount: byteCount)
        unsafe storage.withUnsafeMutablePointerToElements {
            unsafe body(UnsafeMutableRawBufferPointer(start: $0, count: byteCount))
        }
    }

    public var byteCount: Int { storage.header }

    /// The bytes, in place.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            let first = unsafe storage.withUnsafeMutablePointerToElements { UnsafeRawPointer($0) }
            let bytes = unsafe RawSpan(_unsafeStart: first, byteCount: byteCount)
            return unsafe _overrideLifetime(bytes, borrowing: self)
        }
    }

    /// The byte count and behind it the bytes, in one allocation.
    private final class Storage: ManagedBuffer<Int, UInt8> {
        static func make(byteCount: Int) -> Storage {
            let storage = create(minimumCapacity: byteCount) { _ in byteCount }
            return unsafe unsafeDowncast(storage, to: Storage.self)
        }

        deinit {
            unsafe withUnsafeMutablePointers { byteCount, bytes in
                unsafe OPENSSL_cleanse(bytes, byteCount.pointee)
            }
        }
    }
}

extension SharedSecret: CustomStringConvertible, CustomReflectable {
    /// Never the bytes.
    public var description: String { "<redacted>" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
