public import MLSPublicGroup
public import Testing

/// Expects `body` to be refused by exactly that rule.
public func expectRefusal<R>(
    _ rule: ValidationRule, _ comment: @autoclosure () -> Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> R
) {
    #expect(throws: GroupError.refused(rule), comment(), sourceLocation: sourceLocation) {
        _ = try body()
    }
}

/// Expects a message to be refused by exactly that rule, and the group to be as it was.
package func expectRefusal(
    _ rule: ValidationRule, of message: [UInt8], by member: HonestMember, psks: KnownPSKs = KnownPSKs(),
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let before = member.state
    expectRefusal(rule, sourceLocation: sourceLocation) { try member.look(at: message, psks: psks) }
    #expect(member.state == before, "\(rule.rawValue)", sourceLocation: sourceLocation)
}
