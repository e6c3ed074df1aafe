/// Why the secret tree gave no key. It is unchanged then.
package enum SecretTreeError: Error, Hashable, Sendable {
    /// The leaf is outside of the tree.
    case noSuchLeaf
    /// The key was used, or skipped so long ago that it was dropped.
    case generationConsumed
    /// The generation is more than `SecretTreeLimits.maxForwardSteps` ahead.
    case tooFarAhead
    /// The ratchet has come to the end of its `uint32`.
    case exhausted
    /// The tree was restored from records that were not all there.
    case incomplete
}
