import Foundation
import RelayWire
import TLSPresentation
import TLSPresentation
import TestSupport
import Testing

/// Wire/PROTOCOL.md, as far as a test can read it.
struct ProtocolDocument {
    let text: String

    init() throws { text = try Repository.text("Wire/PROTOCOL.md") }

    /// The contents of the code fences whose first word is `kind`, with what follows that word.
    func fences(_ kind: String) -> [(title: String, content: String)] {
        var fences: [(title: String, content: String)] = []
        var open: (isWanted: Bool, title: String, lines: [Substring])?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            guard line.hasPrefix("```") else {
                open?.lines.append(line)
                continue
            }
            if let fence = open {
                if fence.isWanted { fences.append((fence.title, fence.lines.joined(separator: "\n"))) }
                open = nil
            } else {
                let words = line.dropFirst(3).split(separator: " ", maxSplits: 1)
                open = (words.first.map(String.init) == kind, words.count > 1 ? String(words[1]) : "", [])
            }
        }
        return fences
    }

    /// The cells of the rows of the table whose header row begins with these cells.
    func table(_ header: [String]) -> [[String]] {
        var rows: [[String]] = []
        var isInside = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            guard line.hasPrefix("|") else {
                isInside = false
                continue
            }
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
                .map { $0.trimmingCharacters(in: .whitespaces).replacing("`", with: "") }
            if isInside, !cells[0].hasPrefix("---") { rows.append(cells) }
            if cells.starts(with: header) { isInside = true }
        }
        return rows
    }

    /// The numbers of all headings.
    var sections: Set<String> {
        Set(text.matches(of: /(?m)^##+ ([0-9]+(?:\.[0-9]+)?)\.?\s/).map { String($0.1) })
    }
}

/// The structures in a text of the presentation language, by name, with one blank wherever there is white space.
func structures(in text: String) -> [String: String] {
    let code = text.replacing(/\/\*[^*]*\*\//, with: "")
    return Dictionary(
        code.matches(of: /struct\s*\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}\s*(\w+);/).map { match in
            (String(match.1), match.0.split(whereSeparator: \.isWhitespace).joined(separator: " "))
        }, uniquingKeysWith: { $0 == $1 ? $0 : "\($0) and \($1)" })
}

@Suite("PROTOCOL.md says what the code does")
struct ProtocolDocumentTests {
    let document: ProtocolDocument
    let codec: [String: String]

    init() throws {
        document = try ProtocolDocument()
        codec = try Repository.swiftFiles(in: "Wire/Codec")
        try #require(codec.count >= 12)
    }

    @Test("the table of frames has every type with its number and name, and the size of its smallest frame")
    func frameTypes() throws {
        let rows = document.table(["Type", "Name", "Structure", "From", "Smallest frame"])
        #expect(rows.map { [$0[0], $0[1]] } == FrameType.allCases.map { ["\($0.rawValue)", $0.name] })
        let good = try GoldenFrame.good()
        for row in rows {
            let ofType = try good.filter { try #require($0.meaning).string("type") == row[1] }
            #expect(ofType.map(\.bytes.count).min() == Int(row[4]), "\(row[1])")
            #expect(ofType.allSatisfy { $0.direction.rawValue == row[3] }, "\(row[1])")
            #expect(document.sections.contains(row[5]), "\(row[1])")
        }
    }

    @Test("the enumerations have the numbers and names of the code")
    func enumerations() {
        let code = document.fences("tls").map(\.content).joined(separator: "\n")
        var enumerations: [String: [String]] = [:]
        for match in code.matches(of: /enum\s*\{([^}]*), \(255\)\s*\}\s*(\w+);/) {
            enumerations[String(match.2)] = match.1.split(separator: ",")
                .map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        }
        #expect(enumerations["FrameType"] == FrameType.allCases.map { "\($0.name)(\($0.rawValue))" })
        #expect(enumerations["LogKind"] == LogKind.allCases.map { "\(snakeCase("\($0)"))(\($0.rawValue))" })
        #expect(enumerations["EntryKind"] == EntryKind.names.map { "\($0.name)(\($0.kind.rawValue))" })
        check(AdmissionType.self)
        check(RevocationReason.self)
        check(Visibility.self)
        check(CredentialRule.self)
        check(AdministrationType.self)
        check(GroupMode.self)
        check(Role.self)
        check(JoinRule.self)
        check(MemberState.self)
        check(GroupListing.self)
        check(InvitationState.self)
        check(InvitationAnswerType.self)
        check(HeadStatus.self)
        #expect(enumerations.count == 16)

        func check<Enumeration: TLSEnumerated & CaseIterable>(_ type: Enumeration.Type) {
            let cases = type.allCases.map { "\(snakeCase("\($0)"))(\($0.rawValue))" }
            #expect(enumerations["\(type)"] == cases)
        }
    }

    @Test("the table of entries has every kind with its number and name, and the structure of its payload")
    func entryKinds() {
        let rows = document.table(["Kind", "Payload", "In"])
        #expect(rows.map { $0[0] } == EntryKind.names.map { "\($0.kind.rawValue) \($0.name)" })
        for row in rows.dropFirst() {
            let structure = String(row[1].prefix { $0 != ":" })
            #expect(StructureTests.types[structure] != nil, "\(row[0])")
        }
    }

    @Test("the table of errors has every code with number, name, whether it ends the connection, and its close code")
    func errorCodes() {
        let rows = document.table(["Code", "Name", "Ends", "Close"])
        #expect(
            rows.map { Array($0[..<4]) }
                == ErrorCode.names.map { code, name in
                    let end = code.endsConnection ? ["yes", "\(code.closeCode)"] : ["no", ""]
                    return ["\(code.rawValue)", name] + end
                })
        #expect(rows.allSatisfy { $0.count == 6 && !$0[4].isEmpty && !$0[5].isEmpty })
    }

    @Test("every code of the code has one name, and no two the same")
    func errorNames() throws {
        let declared = try #require(codec["ErrorCode.swift"]).matches(of: /static let \w+ = Self\(rawValue: (\d+)\)/)
            .compactMap { UInt16($0.1) }
        #expect(declared == [0] + ErrorCode.names.map(\.code.rawValue))
        #expect(Set(ErrorCode.names.map(\.name)).count == ErrorCode.names.count)
        #expect(Set(declared).count == declared.count)
    }

    @Test("an error's name in a table of a section is one of section 8")
    func errorsOfRequests() {
        let names = Set(ErrorCode.names.map(\.name))
        let rows = document.table(["Error", "When"]) + document.table(["error of a result", "When"])
        #expect(rows.count >= 50)
        for row in rows { #expect(names.contains(row[0])) }
    }

    @Test("every structure of the codec's doc comments stands in the document, and the other way round")
    func structs() {
        let documented = structures(in: document.fences("tls").map(\.content).joined(separator: "\n"))
        let comments = codec.values.joined(separator: "\n").split(separator: "\n")
            .map { $0.drop(while: \.isWhitespace) }.filter { $0.hasPrefix("///") }.map { $0.dropFirst(3) }
        let coded = structures(in: comments.joined(separator: "\n"))
        #expect(coded.count >= 100)
        for (name, structure) in coded { #expect(documented[name] == structure) }
        // RFC 9420's own, which MLSCrypto has.
        #expect(Set(documented.keys).subtracting(coded.keys) == ["SignContent"])
    }

    @Test("the structure that the table names for a type is in the document and in the code")
    func structuresOfTypes() {
        let documented = structures(in: document.fences("tls").map(\.content).joined(separator: "\n"))
        let sources = codec.values.joined()
        for row in document.table(["Type", "Name", "Structure"]) {
            #expect(documented[row[2]] != nil, "\(row[2])")
            let swiftName = ["Error": "RelayError", "Entry": "EntryFrame"][row[2]] ?? row[2]
            #expect(sources.contains("public struct \(swiftName): FrameBody"), "\(row[2])")
        }
    }

    @Test("every section that the codec or the document itself cites exists")
    func citations() {
        let sections = document.sections
        #expect(sections.isSuperset(of: ["1", "2", "4.6", "6.3", "7.6", "7.13", "13"]))
        var count = 0
        for (file, source) in codec {
            for match in source.matches(of: /PROTOCOL\.md section ([0-9]+(?:\.[0-9]+)*)/) {
                count += 1
                #expect(sections.contains(String(match.1)), "\(file) cites section \(match.1)")
            }
        }
        #expect(count >= 100)
        for match in document.text.matches(of: /(RFC [0-9]+\s+)?sections?\s([0-9]+(?:\.[0-9]+)*)/) where match.1 == nil
        {
            #expect(sections.contains(String(match.2)), "section \(match.2)")
        }
        let anchors = document.text.matches(of: /(?m)^#+ (.*)$/).map { heading in
            heading.1.lowercased().filter { $0.isLetter || $0.isNumber || " -".contains($0) }.replacing(" ", with: "-")
        }
        for match in document.text.matches(of: /\]\(#([^)]*)\)/) {
            #expect(anchors.contains(String(match.1)), "#\(match.1)")
        }
    }

    @Test("the hard limits are the code's")
    func limits() {
        let rows = document.table(["What", "Limit"])
        let text = Dictionary(uniqueKeysWithValues: rows.map { ($0[0], $0[1]) })
        #expect(text["body of any frame"] == "\(FrameHeader.byteCount) bytes to 16 MiB (16,777,216)")
        #expect(WireLimits.maxFrameByteCount == 16_777_216)
        #expect(text["body of a client's frame before Ready"]?.hasPrefix("16 KiB (16,384)") == true)
        #expect(WireLimits.maxFrameByteCountBeforeReady == 16_384)
        #expect(text["Hello, whole frame"] == "\(WireLimits.maxHelloByteCount) bytes")
        #expect(text["name of a user"] == "1 to \(WireLimits.maxNameByteCount) bytes")
        #expect(text["name of a client"] == "0 to \(WireLimits.maxClientNameByteCount) bytes")
        #expect(text["name and alias of a group"] == "0 to \(WireLimits.maxGroupNameByteCount) bytes each")
        #expect(text["info of an invitation"] == "1,024 bytes" && WireLimits.maxInfoByteCount == 1024)
        #expect(text["text of a DenyCommit or a VoidNotice"] == "1,024 bytes" && WireLimits.maxReasonByteCount == 1024)
        #expect(text["token"] == "\(WireLimits.maxTokenByteCount) bytes")
        #expect(text["note of a token"] == "\(WireLimits.maxNoteByteCount) bytes")
        #expect(text["names in a LookUp"] == "\(WireLimits.maxNamesPerLookUp)")
        #expect(text["heads in a CheckHeads"] == "\(WireLimits.maxHeadsPerCheck)")
        #expect(text["names in UserNames, groups in a GroupList"] == "1,000" && WireLimits.maxSearchResultCount == 1000)
        #expect(text["Entry in an EpochDetail"] == "64 KiB (65,536)" && WireLimits.maxEntryInDetailByteCount == 65_536)
        #expect(text["group id"] == "1 to \(WireLimits.maxGroupIDByteCount) bytes")
        #expect(text["name of a relay"] == "\(WireLimits.maxServerNameByteCount) bytes")
        #expect(text["data of a Ping"] == "\(WireLimits.maxPingByteCount) bytes")
        #expect(text["requests in a FetchKeyPackages"] == "\(WireLimits.maxKeyPackageRequests)")
    }

    @Test("the worked examples are the vectors")
    func examples() throws {
        func hex(_ content: String) -> String {
            content.split(separator: "\n").map { $0.prefix { $0 != ";" }.filter { !$0.isWhitespace } }.joined()
        }
        let frames = try GoldenFrame.good()
        let examples = document.fences("frame")
        #expect(examples.count >= 6)
        for example in examples {
            let golden = try #require(frames.first { $0.name == example.title }, "\(example.title)")
            #expect(hex(example.content) == golden.bytes.hex, "\(example.title)")
        }
        let signed = try #require(document.fences("sign_content").first)
        let authentication = try #require(try GoldenAuthentication.all().first { $0.name == signed.title })
        #expect(hex(signed.content) == authentication.sign_content.bytes.hex)

        let example = try #require(document.fences("chain").first)
        let golden = try #require(try GoldenChain.all().first { $0.name == example.title })
        let digits = example.content.filter { !$0.isWhitespace }
        let startInput = Array("mlsrelay log".utf8) + (try LogName(golden.log_name).encoded)
        #expect(digits.contains("chain(0)=SHA-256(\(startInput.hex))=\(golden.start.bytes.hex)"))
        for link in golden.entries {
            let entry = try Entry(link.entry)
            let seq = entry.header.sequenceNumber
            let payload = "payload(\(seq))=\(entry.payload.hex)payload_hash(\(seq))=\(link.payload_hash.bytes.hex)"
            #expect(digits.contains(payload))
            #expect(digits.contains("EntryTBH(\(seq))=\(link.entry_tbh.bytes.hex)chain(\(seq))=\(entry.chain)"))
        }
    }
}
