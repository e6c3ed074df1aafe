import TestSupport
import Testing

@Suite("The language: lines, clients, errors")
struct LanguageTests {
    /// The commands of the language, in the order of its description.
    static let usages = [
        "suites", "help", "new-client NAME SUITE", "new-client-x509 NAME SUITE PRIV DER ...", "use NAME", "quit",
        "key-package [SUITE]", "verify-key-package KP", "create-group GROUPID [TYPE=HEX ...]",
        "join WELCOME [RATCHET_TREE]", "external-join GROUPINFO [tree=HEX] [remove=LEAF|self] [psk=ID ...]",
        "new-member-propose GROUPID EPOCH [SUITE]", "add KP ...", "remove LEAF", "update", "psk-propose ID",
        "resumption-psk-propose EPOCH [GROUPID]", "gce-propose [TYPE=HEX ...]",
        "reinit-propose GROUPID SUITE [TYPE=HEX ...]", "proposals", "clear-proposals",
        "commit [path] [now] [add=KP] [remove=LEAF] [psk=ID] [respsk=EPOCH] [gce=TYPE:HEX,...] [reinit=GROUPID:SUITE]",
        "merge", "discard", "process MLSMESSAGE", "protect TEXT [AAD]", "unprotect MLSMESSAGE",
        "reinit-welcome KP ...", "reinit-join WELCOME [TREE]", "branch GROUPID KP ...", "branch-join WELCOME [TREE]",
        "state", "epoch", "epoch-authenticator", "tree-hash", "members", "tree", "group-context",
        "group-info [inline|external]", "resumption-psk", "secrets", "export LABEL CONTEXT LEN", "psk add ID SECRET",
        "psk remove ID", "external-sender [SUITE]",
        "external-propose KEY SUITE GROUPID EPOCH INDEX add=KP|remove=LEAF|psk=ID|gce=TYPE:HEX", "groups",
        "use-group GROUPID", "leave-group", "set handshake public|private", "set tree inline|external",
        "set padding N", "set aad HEX", "set past-epochs N", "set lifetime SECONDS", "set keep-key-packages 0|1",
        "set caps-extensions LIST", "set caps-proposals LIST", "set leaf-extensions TYPE=HEX ...",
        "set key-package-extensions TYPE=HEX ...", "parse MLSMESSAGE",
    ]

    @Test("help lists the commands of the language, and no others are known")
    func help() throws {
        let session = DirectSession()
        #expect(try session("help").texts("commands") == Self.usages)
        let names = Set(Self.usages.map { String($0.prefix { $0 != " " }) })
        #expect(Set(session.commandNames) == names)
    }

    @Test("suites are the seven of RFC 9420 section 17.1")
    func suites() throws {
        let answer = try DirectSession()("suites")
        #expect(answer.line == #"{"ok":true,"suites":[1,2,3,4,5,6,7],"program":"mlsrelay"}"#)
    }

    @Test("empty lines and comments are passed over")
    func comments() throws {
        let session = DirectSession()
        for line in ["", "  \t", "# new-client alice 1", "  #"] { #expect(session.isPassedOver(line)) }
        #expect(try session.refusal("state") == "there is no client yet")
    }

    @Test("a line is for the last client made, the one used, or the one named")
    func clients() throws {
        let session = DirectSession()
        let alice = try session.text("signature_key", of: "new-client alice 1")
        let bob = try session.text("signature_key", of: "new-client bob 2")
        #expect(alice.count == 64 && bob.count == 130)
        try session("create-group 0b")
        #expect(try session.text("group_id", of: "@bob state") == "0b")
        #expect(try session.refusal("@alice state") == "alice is in no group")
        try session("use alice")
        try session("create-group 0a")
        // A name is for one line.
        try session("@bob state")
        #expect(try session.text("group_id", of: "state") == "0a")
        #expect(try session.refusal("new-client bob 1") == "there is a client bob already")
        #expect(try session.refusal("use carol") == "there is no client carol")
        #expect(try session.refusal("@carol state") == "there is no client carol")
        #expect(try session.refusal("@alice") == "a command is missing")
    }

    @Test("quit ends")
    func quit() throws {
        let session = DirectSession()
        #expect(try session("quit").line == #"{"ok":true}"#)
        #expect(session.isOver)
    }

    @Test(
        "what is no command, or has the wrong arguments, is answered with an error",
        arguments: [
            ("dance", "there is no command dance"), ("new-client", "NAME is missing"),
            ("new-client x", "SUITE is missing"), ("new-client x one", "SUITE is not a number of its kind"),
            ("new-client x 65536", "SUITE is not a number of its kind"),
            ("new-client x -1", "SUITE is not a number of its kind"), ("create-group zz", "GROUPID is not hexadecimal"),
            ("create-group 0", "GROUPID is not hexadecimal"), ("create-group 00 1", "an extension is TYPE=HEX"),
            ("create-group 00 x=00", "TYPE is not a number of its kind"),
            ("state now", "now is one word too many"), ("remove 4294967296", "LEAF is not a number of its kind"),
            ("commit quickly", "a commit has no quickly"), ("commit now=1", "a commit has no now"),
            ("commit add", "a commit has no add"), ("commit reinit=00", "reinit is GROUPID:SUITE"),
            ("commit gce=5", "an extension is TYPE:HEX"), ("export a 00 8161", "LEN is at most 8160"),
            ("export a 00 -1", "LEN is at most 8160"), ("set", "a setting is missing"),
            ("set colour red", "there is no setting colour"), ("set handshake secret", "neither public nor private"),
            ("set tree 1", "neither inline nor external"), ("set padding -1", "N is at most 1048576"),
            ("set padding 1048577", "N is at most 1048576"), ("set keep-key-packages 2", "neither 0 nor 1"),
            ("set lifetime 18446744073709551616", "SECONDS is not a number of its kind"),
            ("set caps-extensions 1,x", "a number of LIST is not a number of its kind"), ("add", "KP is missing"),
            ("psk", "add or remove is missing"), ("psk get 00", "neither add nor remove"),
            ("psk remove 00", "no such PSK"), ("external-propose 00 1 00 0 0 remove=0", "there is no external sender"),
            ("group-info here", "neither inline nor external"), ("merge", "no commit is pending"),
            ("discard", "no commit is pending"), ("use-group ff", "alice is not in that group"),
            ("reinit-welcome", "there is no ReInit"), ("create-group 0102", "alice is in that group"),
            ("branch 0102", "alice is in that group"),
        ])
    func errors(line: String, error: String) throws {
        let session = DirectSession()
        try session.makeGroup("alice")
        #expect(try session.refusal(line).hasPrefix(error))
        // Nothing happened.
        #expect(try session("state").number("epoch") == 0)
    }

    @Test("words that are far too long, odd characters and keywords of JSON are answered like all others")
    func oddLines() throws {
        let session = DirectSession()
        let long = String(repeating: "f", count: 100_000)
        for line in [long, "@\(long)", "use \(long)", "process \(long)", "suites \(long)"] {
            #expect(try session.refusal(line).count < 200)
        }
        #expect(try session.refusal("\"\\\u{1}\u{7f}\u{2028}é").contains("\"\\\u{1}\u{7f}\u{2028}é"))
        try session("new-client \"\\ 1")
        try session("create-group -")
        #expect(try session("state").memberNames() == ["\"\\"])
        #expect(try session.text("group_id", of: "state") == "")
    }
}
