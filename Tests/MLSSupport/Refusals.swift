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
