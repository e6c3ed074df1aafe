/// How far words are apart.
enum EditDistance {
    /// The fewest letters to insert, remove or replace (Levenshtein), which make `right` of `left`; words longer than
    /// 32 characters are compared by their beginnings.
    static func between(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left.prefix(32)), Array(right.prefix(32)))
        var row = Array(0...right.count)
        for (leftIndex, letter) in left.enumerated() {
            var next = [leftIndex + 1]
            for (index, other) in right.enumerated() {
                next.append(min(row[index] + (letter == other ? 0 : 1), row[index + 1] + 1, next[index] + 1))
            }
            row = next
        }
        return row[right.count]
    }
}
