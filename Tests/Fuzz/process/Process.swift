import MLSTestSupport

nonisolated(unsafe) private let world: HostileWorld = {
    do { return try HostileWorld() } catch { fatalError("no group to begin with: \(error)") }
}()

/// The first byte says what is changed, the others how; whatever it is, nobody crashes, and what is refused changes
/// nothing.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzProcess(_ start: UnsafePointer<UInt8>?, _ byteCount: Int) -> CInt {
    world.run(Array(UnsafeBufferPointer(start: start, count: byteCount)))
    return 0
}
