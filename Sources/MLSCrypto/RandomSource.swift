/// Where the randomness of a `CipherSuiteContext` comes from: `system`, or for a reproducible test a function that
/// gives the same bytes each time. Any thread may ask it.
///
/// What does not come from here, because OpenSSL takes no other than its own: the keys that `SigningKey.generate`
/// makes, and the nonces of ECDSA.
public struct RandomSource: Sendable {
    /// Fills in all of the bytes that it is given.
    public typealias Fill = @Sendable (_ bytes: inout MutableRawSpan) -> Void

    /// Nil for OpenSSL's generators.
    let fill: Fill?

    /// OpenSSL's generators: a private one for secrets, and another one for what others see.
    ///
    /// There is no going on without randomness: a generator that fails ends the process.
    public static let system = RandomSource(fill: nil)

    /// For tests: with a source that somebody can foretell there are no secrets.
    public init(_ fill: @escaping Fill) { self.fill = fill }

    private init(fill: Fill?) { self.fill = fill }
}
