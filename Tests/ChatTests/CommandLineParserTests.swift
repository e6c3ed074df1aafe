import RelayClient
import Testing

@testable import mlsrelay_chat

@Suite("What is typed is understood")
struct CommandLineParserTests {
    @Test(
        "each command",
        arguments: [
            ("hello", .say("hello")), (" hello ", .say(" hello ")), ("//bin", .say("/bin")),
            ("/create choir", .create(name: "choir", join: .invitation)),
            ("/create \"reading circle\" open", .create(name: "reading circle", join: .open)),
            ("/create choir direct", .create(name: "choir", join: .direct)), ("/groups", .groups), ("/g", .groups),
            ("/switch choir", .switchTo("choir")), ("/invite bob carol", .invite(["bob", "carol"])),
            ("/invitations", .invitations), ("/accept 3", .answer(.accept, 3)), ("/ac 3", .answer(.accept, 3)),
            ("/decline 3", .answer(.decline, 3)), ("/approve 3", .answer(.approve, 3)), ("/members", .members),
            ("/approval 8", .approval(above: 8)), ("/approval 0", .approval(above: 0)),
            ("/role bob admin", .role(.admin, user: "bob")), ("/role bob member", .role(.member, user: "bob")),
            ("/remove bob", .remove(["bob"])), ("/ban bob", .ban(true, user: "bob")),
            ("/unban bob", .ban(false, user: "bob")), ("/leave", .leave), ("/delete", .delete),
            ("/rename choir of the south", .rename("choir of the south")), ("/rename \"a b\"", .rename("a b")),
            ("/rotate", .rotate), ("/open", .open(filter: "")), ("/open sing", .open(filter: "sing")),
            ("/join choir", .join("choir")), ("/verify bob", .verify(user: "bob", fingerprint: nil)),
            ("/verify bob 0123 4567", .verify(user: "bob", fingerprint: "01234567")), ("/users b", .users(prefix: "b")),
            ("/devices", .devices), ("/admit a b", .admit("a b")), ("/revoke phone", .revoke("phone")),
            ("/receipts off", .receipts(false)), ("/receipts on", .receipts(true)), ("/history", .history(20)),
            ("/history 5", .history(5)), ("/history 99999999999", .history(10_000)), ("/check", .check),
            ("/help", .help), ("/quit", .quit), ("/Q", .quit), ("/q ", .quit),
        ] as [(String, ChatCommand)])
    func commands(line: String, expected: ChatCommand) throws {
        let found = try CommandLineParser.parse(line)
        #expect(found == expected)
    }

    @Test("an empty line is nothing", arguments: ["", "  ", "\t"])
    func empty(line: String) throws {
        let found = try CommandLineParser.parse(line)
        #expect(found == nil)
    }

    @Test(
        "what is not understood says why",
        arguments: [
            ("/", "unknownCommand", "/help"), ("/in", "ambiguousCommand", "/invite, /invitations"),
            ("/mebmers", "unknownCommand", "/members?"), ("/frobnicate", "unknownCommand", "/help"),
            ("/le", "ambiguousCommand", "all of /leave"), ("/rev phone", "ambiguousCommand", "all of /revoke"),
            ("/create", "usage", "/create NAME"), ("/create a b", "usage", "/create NAME"), ("/accept x", "usage", "N"),
            ("/accept 0", "usage", "N"), ("/role bob king", "usage", "admin|member"),
            ("/groups now", "usage", "/groups"), ("/approval -1", "usage", "N"),
            ("/appro 1", "ambiguousCommand", "/approve"),
            ("/create \"a", "usage", "quote"), ("/invite", "usage", "USER"), ("/receipts maybe", "usage", "on|off"),
            ("/history -1", "usage", "[N]"), ("/rename", "usage", "NAME"), ("/verify", "usage", "USER"),
            ("/\u{1b}[2J", "unknownCommand", "/[2j;"),
        ])
    func errors(line: String, code: String, part: String) {
        do throws(CommandError) {
            let found = try CommandLineParser.parse(line)
            Issue.record("\(line) is \(String(describing: found))")
        } catch {
            #expect(error.code == code)
            #expect(error.message.contains(part), "\(error.message)")
            #expect(!error.message.contains("\u{1b}"))
        }
    }

    @Test("each command is found by its name, has a usage and a summary", arguments: CommandName.allCases)
    func table(name: CommandName) throws {
        let found = try CommandLineParser.command(named: name.rawValue)
        #expect(found == name)
        #expect(name.usage.hasPrefix("/\(name.rawValue)"))
        #expect(name.summary.hasSuffix("."))
    }

    @Test(
        "words are as far apart as letters have to be changed",
        arguments: [("", "", 0), ("abc", "abc", 0), ("abc", "abd", 1), ("abc", "ab", 1), ("kitten", "sitting", 3)])
    func distance(left: String, right: String, expected: Int) {
        #expect(EditDistance.between(left, right) == expected)
        #expect(EditDistance.between(right, left) == expected)
    }

    @Test(
        "the tab key completes as far as it is clear",
        arguments: [
            ("/mem", "/members |", []), ("/inv", "/invit|", []), ("/invit", "/invit|", ["/invitations", "/invite"]),
            ("/invite b", "/invite bob |", []), ("/invite bob ca", "/invite bob car|", []),
            ("/invite bob car", "/invite bob car|", ["carla", "carol"]),
            ("/switch rea", "/switch \"reading circle\" |", []),
            ("/role bob a", "/role bob admin |", []), ("/create x o", "/create x open |", []),
            ("/revoke p", "/revoke phone |", []), ("/foo b", "/foo b|", []), ("/accept 1", "/accept 1|", []),
            ("hello b", "hello bob |", []), ("z", "z|", []), ("/zz", "/zz|", []),
        ] as [(String, String, [String])])
    func completion(line: String, expected: String, candidates: [String]) {
        let vocabulary = Completion.Vocabulary(
            users: ["bob", "carol", "carla"], groups: ["choir", "\"reading circle\""], devices: ["phone"])
        let found = Completion(Array(line), cursor: line.count, vocabulary)
        var text = found.text
        text.insert("|", at: text.index(text.startIndex, offsetBy: found.cursor))
        #expect(text == expected)
        #expect(found.candidates == candidates)
    }

    @Test("the tab key completes the word before the cursor, and leaves what is behind it")
    func completionInside() {
        let vocabulary = Completion.Vocabulary(users: ["bob"])
        let found = Completion(Array("/role b admin"), cursor: 7, vocabulary)
        #expect(found.text == "/role bob admin")
        #expect(found.cursor == 10)
    }
}
