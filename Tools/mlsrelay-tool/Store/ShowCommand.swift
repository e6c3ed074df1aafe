import ArgumentParser
import MLSCodec
import MLSCrypto
import RelayStore
import RelayWire
import TLSPresentation

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show one entry and its message field by field.")

    @OptionGroup var store: StoreOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: ArgumentHelp(LogReference.help, valueName: "group"))
    var log: String

    @Argument(help: "The number of the entry.")
    var entry: UInt64

    @Flag(help: "Show all bytes of long fields.")
    var full = false

    func run() throws {
        let reader = try StoreReader(store.open())
        let log = try reader.log(self.log)
        let number = SequenceNumber(rawValue: entry)
        let found = try reader.read { (snapshot) throws(StoreError) in
            guard let entry = try snapshot.entry(number, in: log.number) else {
                return nil as (Entry, String, [FieldTree])?
            }
            let fields = try entry.contentFields { (client) throws(StoreError) in try snapshot.nameText(of: client) }
            return (entry, try snapshot.nameText(of: entry.header.sender), fields)
        }
        guard let (entry, sender, fields) = found else {
            let digest = try reader.read { (snapshot) throws(StoreError) in
                try snapshot.storedDigest(number, in: log.number)
            }
            throw ToolError(
                "\(log.name) (log \(log.number)) has "
                    + (digest == nil ? "no entry \(number)" : "entry \(number) without its payload, which is not kept"))
        }
        let content = FieldTree(entry.contentName, .children(fields))
        if output.json {
            print(json(entry, sender, content))
        } else {
            let header = entry.header
            let fields = [
                FieldTree("log", .text("\(header.log) (\(log.name))")),
                FieldTree("seq", .number(header.sequenceNumber.rawValue)),
                FieldTree("time", .text(header.time.text)), FieldTree("sender", .text("\(header.sender) (\(sender))")),
                FieldTree("kind", .text(header.kind.description)), FieldTree("chain", .bytes(entry.chain.bytes)),
                FieldTree("payload_hash", .bytes(SHA256.hash(entry.payload).bytes)),
                FieldTree("payload", .text(counted(entry.payload.count, "byte", "bytes"))), content,
            ]
            for field in fields {
                for line in field.shownLines(maxByteCount: full ? .max : 48) { print(line) }
            }
        }
    }

    private func json(_ entry: Entry, _ sender: String, _ content: FieldTree) -> JSON {
        [
            "log": .number(entry.header.log.rawValue), "seq": .number(entry.header.sequenceNumber.rawValue),
            "time": .number(entry.header.time.rawValue), "sender": .number(entry.header.sender.rawValue),
            "sender_name": .string(sender), "kind": .string(entry.header.kind.description),
            "chain": .hex(entry.chain.bytes), "payload_hash": .hex(SHA256.hash(entry.payload).bytes),
            "byte_count": .number(UInt64(entry.payload.count)), "content": content.json,
        ]
    }
}

extension Entry {
    /// What the payload is called where its fields are listed.
    fileprivate var contentName: String { header.kind == .message ? "mls_message" : header.kind.description }

    /// The payload field by field; as bytes where it is not what its kind says.
    fileprivate func contentFields(
        _ name: (ClientNumber) throws(StoreError) -> String
    ) throws(StoreError) -> [FieldTree] {
        do {
            if header.kind == .message { return try MLSMessage(decoding: payload).fields }
            if let notice = try NoticeText(self, name: name) { return notice.fields }
            return [FieldTree("bytes", .bytes(payload))]
        } catch let error as StoreError {
            throw error
        } catch {
            let reason = (error as? NoticeText.Damage)?.error ?? error
            return [FieldTree("error", .text("\(reason)")), FieldTree("bytes", .bytes(payload))]
        }
    }
}

extension FieldTree {
    /// The field in lines, bytes beyond `maxByteCount` of a field left out, and bytes that are text shown as text too.
    func shownLines(maxByteCount: Int, indentation: Int = 0) -> [String] {
        let head = String(repeating: " ", count: indentation) + name + ":"
        switch value {
        case .text(let text): return [head + " " + text]
        case .number(let number): return [head + " \(number)"]
        case .bytes(let bytes):
            if bytes.isEmpty { return [head + " (empty)"] }
            if bytes.count > maxByteCount {
                return [head + " " + bytes.prefix(maxByteCount).hex + "… (\(bytes.count) bytes)"]
            }
            let text = bytes.count <= 64 ? readableText(bytes) : nil
            return [head + " " + bytes.hex + (text.map { " \"\($0)\"" } ?? "")]
        case .children(let children):
            if children.isEmpty { return [head + " (none)"] }
            return [head]
                + children.flatMap { $0.shownLines(maxByteCount: maxByteCount, indentation: indentation + 2) }
        }
    }

    /// The value in JSON: the elements of a vector, which are named by their index, as an array.
    var json: JSON {
        switch value {
        case .text(let text): .string(text)
        case .number(let number): .number(number)
        case .bytes(let bytes): .hex(bytes)
        case .children(let children):
            !children.isEmpty && children.enumerated().allSatisfy { $0.element.name == "\($0.offset)" }
                ? .array(children.map(\.json))
                : .object(children.map { JSON.Member(name: $0.name, value: $0.json) })
        }
    }
}
