/// How many bytes of zero a PrivateMessage has behind its content, to hide how long that is. RFC 9420 sections 6.3.1
/// and 15.1.
public enum Padding: Hashable, Sendable {
    case byteCount(Int)
    /// As many as make the plaintext, content and signature together, this long; none where it already is longer.
    case upTo(plaintextByteCount: Int)
    /// As many as make the plaintext, content and signature together, a multiple of this.
    case toMultiple(of: Int)

    public static let none = Padding.byteCount(0)

    /// More than this it never is.
    var maxByteCount: Int {
        switch self {
        case .byteCount(let maximum), .upTo(let maximum), .toMultiple(let maximum): maximum
        }
    }

    /// How many bytes go behind `byteCount` of content and signature.
    func byteCount(behind byteCount: Int) -> Int {
        switch self {
        case .byteCount(let padding): max(0, padding)
        case .upTo(let plaintextByteCount): max(0, plaintextByteCount - byteCount)
        case .toMultiple(let block): block > 1 ? (block - byteCount % block) % block : 0
        }
    }
}
