import COpenSSL

/// A NIST curve.
enum Curve: Sendable {
    case p256
    case p384
    case p521

    /// OpenSSL's name of it.
    var name: StaticString {
        switch self {
        case .p256: "P-256"
        case .p384: "P-384"
        case .p521: "P-521"
        }
    }

    /// How many bytes a coordinate and a private key have.
    var coordinateByteCount: Int {
        switch self {
        case .p256: 32
        case .p384: 48
        case .p521: 66
        }
    }

    /// How many bytes an uncompressed point has: 04 and two coordinates.
    var pointByteCount: Int { 1 + 2 * coordinateByteCount }

    /// The curve's numbers, kept for as long as the process lives.
    var group: OpaquePointer {
        switch self {
        case .p256: unsafe Self.groupP256
        case .p384: unsafe Self.groupP384
        case .p521: unsafe Self.groupP521
        }
    }

    /// A key without a public or private half: copying the curve from one is a quarter of the cost of naming it.
    var parameters: OpaquePointer {
        switch self {
        case .p256: unsafe Self.parametersP256
        case .p384: unsafe Self.parametersP384
        case .p521: unsafe Self.parametersP521
        }
    }

    // Nobody changes any of these once they are made, so every thread may use them.
    private nonisolated(unsafe) static let groupP256 = unsafe makeGroup(NID_X9_62_prime256v1)
    private nonisolated(unsafe) static let groupP384 = unsafe makeGroup(NID_secp384r1)
    private nonisolated(unsafe) static let groupP521 = unsafe makeGroup(NID_secp521r1)
    private nonisolated(unsafe) static let parametersP256 = unsafe makeParameters(of: .p256)
    private nonisolated(unsafe) static let parametersP384 = unsafe makeParameters(of: .p384)
    private nonisolated(unsafe) static let parametersP521 = unsafe makeParameters(of: .p521)

    private static func makeGroup(_ identifier: Int32) -> OpaquePointer {
        unsafe OpenSSL.require(EC_GROUP_new_by_curve_name(identifier), "EC_GROUP_new_by_curve_name")
    }

    private static func makeParameters(of curve: Curve) -> OpaquePointer {
        let context = unsafe OpenSSL.require(EVP_PKEY_CTX_new_from_name(nil, "EC", nil), "EVP_PKEY_CTX_new_from_name")
        defer { unsafe EVP_PKEY_CTX_free(context) }
        unsafe OpenSSL.require(EVP_PKEY_paramgen_init(context), "EVP_PKEY_paramgen_init")
        unsafe OpenSSL.require(
            EVP_PKEY_CTX_set_group_name(context, curve.name.cString), "EVP_PKEY_CTX_set_group_name")
        var parameters: OpaquePointer?
        unsafe OpenSSL.require(EVP_PKEY_generate(context, &parameters), "EVP_PKEY_generate")
        return unsafe OpenSSL.require(parameters, "EVP_PKEY_generate")
    }
}
