import COpenSSL

/// A point of a NIST curve, not the one at infinity.
///
/// OpenSSL's EVP wraps such a point into a key with a copy of the whole curve, which costs more than to decode it.
@safe struct CurvePoint: ~Copyable {
    private let curve: Curve
    // Not changed after `init`: any number of threads may read it.
    private let pointer: OpaquePointer

    deinit { unsafe EC_POINT_free(pointer) }

    /// The point that `bytes` encode, uncompressed.
    /// - Throws: `invalidKey` for a point that is not on the curve, and for every other encoding.
    init(_ bytes: RawSpan, on curve: Curve) throws(CryptoError) {
        let isUncompressed =
            unsafe bytes.byteCount == curve.pointByteCount
            && bytes.unsafeLoad(fromUncheckedByteOffset: 0, as: UInt8.self) == 0x04
        guard isUncompressed else { throw .invalidKey }
        let point = unsafe try OpenSSL.check(EC_POINT_new(curve.group), "EC_POINT_new")
        let isOnCurve = unsafe bytes.withUnsafeBytes { bytes in
            let first = unsafe bytes.bindMemory(to: UInt8.self).baseAddress
            return unsafe EC_POINT_oct2point(curve.group, point, first, bytes.count, nil) == 1
        }
        guard isOnCurve else {
            OpenSSL.drainErrors()
            unsafe EC_POINT_free(point)
            throw .invalidKey
        }
        self.curve = curve
        unsafe pointer = point
    }

    /// The curve's generator times `scalar`: the public key of a private one.
    init(generatorTimes scalar: borrowing CurveScalar) throws(CryptoError) {
        curve = scalar.curve
        unsafe pointer = try Self.product(of: nil, scalar)
    }

    /// `point`, or the generator, times `scalar`, in a time that does not depend on the scalar.
    private static func product(
        of point: OpaquePointer?, _ scalar: borrowing CurveScalar
    ) throws(CryptoError) -> OpaquePointer {
        let group = unsafe scalar.curve.group
        let product = unsafe try OpenSSL.check(EC_POINT_new(group), "EC_POINT_new")
        let result =
            if let point = unsafe point {
                unsafe EC_POINT_mul(group, product, nil, point, scalar.pointer, nil)
            } else {
                unsafe EC_POINT_mul(group, product, scalar.pointer, nil, nil, nil)
            }
        guard result == 1 else {
            unsafe EC_POINT_free(product)
            try OpenSSL.check(result, "EC_POINT_mul")
            throw .invalidKey
        }
        return unsafe product
    }

    /// The uncompressed encoding: 04 and the two coordinates.
    func bytes() throws(CryptoError) -> [UInt8] {
        var isWritten = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: curve.pointByteCount) { bytes, count in
            count = curve.pointByteCount
            let room = unsafe UnsafeMutableRawBufferPointer(start: bytes.baseAddress, count: count)
            unsafe room.initializeMemory(as: UInt8.self, repeating: 0)
            isWritten = unsafe Self.write(pointer, of: curve, into: room)
        }
        try OpenSSL.check(isWritten ? 1 : 0, "EC_POINT_point2oct")
        return bytes
    }

    /// `DH(skX, pkY)` where this is the public key: the first coordinate of the product. RFC 9180 section 4.1.
    func agree(with scalar: borrowing CurveScalar) throws(CryptoError) -> SecretBytes {
        guard scalar.curve == curve else { throw .invalidKey }
        let curve = curve
        let product = unsafe try Self.product(of: pointer, scalar)
        defer { unsafe EC_POINT_clear_free(product) }
        var secret = SecretBytes(byteCount: curve.coordinateByteCount)
        // RFC 9180 section 7.1.4: not the point at infinity, which has no such encoding.
        let isWritten = unsafe secret.withUnsafeMutableBytes { secret in
            unsafe withUnsafeTemporaryAllocation(byteCount: curve.pointByteCount, alignment: 1) { point in
                let isWritten = unsafe Self.write(product, of: curve, into: point)
                unsafe secret.copyMemory(from: UnsafeRawBufferPointer(rebasing: point[1...secret.count]))
                unsafe OPENSSL_cleanse(point.baseAddress, point.count)
                return isWritten
            }
        }
        guard isWritten else {
            OpenSSL.drainErrors()
            throw .invalidKey
        }
        return secret
    }

    private static func write(
        _ point: OpaquePointer, of curve: Curve, into room: UnsafeMutableRawBufferPointer
    ) -> Bool {
        let first = unsafe room.bindMemory(to: UInt8.self).baseAddress
        return unsafe EC_POINT_point2oct(curve.group, point, POINT_CONVERSION_UNCOMPRESSED, first, room.count, nil)
            == room.count
    }
}
