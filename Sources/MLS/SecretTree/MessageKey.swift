package import MLSCrypto

/// A generation's key and nonce, for one message. RFC 9420 section 9.1.
package struct MessageKey: ~Copyable, Sendable {
    let kept: KeptKey

    /// `j` of `ratchet_key_[N]_[j]`.
    package var generation: UInt32 { kept.generation }

    package var key: RawSpan {
        @_lifetime(borrow self)
        get { kept.keyAndNonce.key }
    }

    package var nonce: RawSpan {
        @_lifetime(borrow self)
        get { kept.keyAndNonce.nonce }
    }

    /// The nonce with `reuseGuard` over its first four bytes. RFC 9420 section 6.3.1.
    package func nonce(guardedBy reuseGuard: UInt32) -> SecretBytes {
        kept.keyAndNonce.nonce(guardedBy: reuseGuard)
    }
}

/// A key that the secret tree shares with the steps that may yet take it away; it is erased when both let it go.
struct KeptKey: Sendable {
    let generation: UInt32
    let keyAndNonce: KeyAndNonce
}
