import MLSCrypto
import TLSPresentation

/// What cannot be done, in words.
struct InteropError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
