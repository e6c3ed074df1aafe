/// The bars of the MLS engine, a target a row, in their order.
extension Target {
    static let keyPackageGenerate = Target(
        "KeyPackage generate", "3 key pairs + 2 signatures", [1: (116, 130), 2: (89, 110)]
    ) { $0.generateSignatureKey + 2 * $0.generateKey + 2 * $0.sign }

    static let keyPackageVerify = Target(
        "KeyPackage verify", "2 verifications + an import", [1: (124, 130), 2: (90, 100)]
    ) { 2 * $0.verify + $0.importSignatureKey }

    static let protect100 = Target(
        "protect 100 B", "a signature + 8 HMACs + 2 AEADs", [1: (27, 33), 2: (20, 27)]
    ) { $0.sign + 8 * $0.hmac + 2 * $0.seal100 }

    static let unprotect100 = Target(
        "unprotect 100 B", "a verification + 8 HMACs + 2 AEADs", [1: (64, 72), 2: (46, 56)]
    ) { $0.verify + 8 * $0.hmac + 2 * $0.seal100 }

    static let protect1024 = Target(
        "protect 1 KiB", "as for 100 B, with the longer AEAD", [1: (28, 36), 2: (21, 30)]
    ) { $0.sign + 8 * $0.hmac + $0.seal100 + $0.seal1024 }

    static let unprotect1024 = Target(
        "unprotect 1 KiB", "as for 100 B, with the longer AEAD", [1: (65, 76), 2: (48, 60)]
    ) { $0.verify + 8 * $0.hmac + $0.seal100 + $0.seal1024 }

    static func commitUpdate(_ count: Int) -> Target {
        let depth = Double(levelCount(count))
        return Target(
            "commit_update n=\(count)", "a key pair + 2 signatures + d (a node key + an HPKE seal) + 40 HMACs",
            count == 100 ? [1: (670, 800), 2: (645, 800)] : [1: (900, 1100), 2: (880, 1100)]
        ) { $0.generateKey + 2 * $0.sign + depth * ($0.nodeKey + $0.hpkeSeal) + 40 * $0.hmac }
    }

    static func processFar(_ count: Int) -> Target {
        let depth = Double(levelCount(count))
        return Target(
            "process_update n=\(count), far", "2 verifications + an HPKE open + a node key + d+2 imports + 40 HMACs",
            count == 1000 ? [1: (220, 350), 2: (200, 350)] : [1: (230, 400), 2: (210, 400)]
        ) {
            2 * ($0.verify + $0.importSignatureKey) + $0.hpkeOpen + $0.nodeKey + depth * $0.importKey + 40 * $0.hmac
        }
    }

    static func processNeighbour(_ count: Int) -> Target {
        let depth = Double(levelCount(count))
        return Target(
            "process_update n=\(count), neighbour",
            "2 verifications + an HPKE open + d node keys + d+2 imports + 40 HMACs", [1: (440, 600), 2: (370, 550)]
        ) {
            2 * ($0.verify + $0.importSignatureKey) + $0.hpkeOpen + depth * ($0.nodeKey + $0.importKey) + 40 * $0.hmac
        }
    }

    static func freshCommit(_ count: Int) -> Target {
        let depth = Double(levelCount(count))
        return Target(
            "fresh_commit n=\(count)", "n-1 HPKE seals + d node keys + a key pair + 2 signatures",
            [1: (52_000, 60_000), 2: (57_000, 65_000)]
        ) { Double(count - 1) * $0.hpkeSeal + depth * $0.nodeKey + $0.generateKey + 2 * $0.sign }
    }

    static func join(_ count: Int) -> Target {
        Target(
            "join n=\(count)", "n+1 verifications and imports + 2n hashes + an HPKE open",
            count == 1000
                ? [1: (65_000, 70_000), 2: (48_000, 56_000)] : [1: (324_000, 350_000), 2: (241_000, 280_000)]
        ) { Double(count + 1) * ($0.verify + $0.importSignatureKey) + Double(2 * count) * $0.hash + $0.hpkeOpen }
    }

    static func buildGroup(_ count: Int) -> Target {
        Target(
            "build_group n=\(count)", "n-1 times (2 verifications + 2 imports + an HPKE seal)",
            count == 1000
                ? [1: (177_000, 200_000), 2: (148_000, 175_000)] : [1: (890_000, 1_100_000), 2: (740_000, 1_000_000)]
        ) { Double(count - 1) * (2 * $0.verify + $0.importSignatureKey + $0.importKey + $0.hpkeSeal) }
    }

    static func follow(_ count: Int) -> Target {
        Target(
            "relay: follow a commit n=\(count)", "2 verifications and imports", [1: (130, 250), 2: (90, 200)]
        ) { 2 * ($0.verify + $0.importSignatureKey) }
    }

    /// - Parameter encodedByteCount: of the ratchet tree, which is the least that a member has to keep.
    static func heap(_ count: Int, encodedByteCount: Int) -> Target {
        Target(
            "state heap n=\(count)", .bytes, "the encoded ratchet tree", [1: (nil, 600_000), 2: (nil, 750_000)]
        ) { _ in Double(encodedByteCount) }
    }

    static let protectAllocations = Target(
        "allocations of a protect", .allocations, "", [1: (nil, 20), 2: (nil, 20)])
    static let unprotectAllocations = Target("allocations of an unprotect", .allocations, "", [:])

    /// How many parents are above a leaf.
    private static func levelCount(_ count: Int) -> Int { (count - 1).bitWidth - (count - 1).leadingZeroBitCount }

    private init(
        _ name: String, _ formula: String, _ bars: [UInt16: (floor: Double?, bar: Double)],
        floor: @escaping @Sendable (Floor) -> Double
    ) {
        self.init(name, .microseconds, formula, bars, floor: floor)
    }
}
