import RelayClient

/// Finds a group by what somebody typed.
enum GroupLookup {
    struct Candidate {
        var id: GroupID
        var name: String
        var alias = ""
    }

    /// The group of this name or alias, else of this number in the list (from 1), else the only one whose name or id begins
    /// so.
    /// - Throws: `groupUnknown`, `groupAmbiguous`.
    static func find(_ word: String, in groups: [Candidate]) throws(CommandError) -> GroupID {
        let named = groups.filter { [$0.name, $0.alias, PeerText.line($0.name)].contains(word) }
        if !named.isEmpty { return try only(named, word) }
        if let number = Int(word), groups.indices.contains(number - 1) { return groups[number - 1].id }
        let typed = word.lowercased()
        return try only(
            groups.filter { group in
                let isID = typed.count >= 4 && group.id.description.hasPrefix(typed)
                return isID || PeerText.line(group.name).lowercased().hasPrefix(typed)
            }, word)
    }

    private static func only(_ found: [Candidate], _ word: String) throws(CommandError) -> GroupID {
        guard let first = found.first else {
            throw CommandError("groupUnknown", "There is no group \(PeerText.name(word)).")
        }
        guard found.count == 1 else {
            let all = found.map { "\(PeerText.name($0.name)) (\($0.id.description.prefix(8)))" }
            throw CommandError(
                "groupAmbiguous", "It may be \(all.joined(separator: ", ")): the beginning of an id says which.")
        }
        return first.id
    }
}
