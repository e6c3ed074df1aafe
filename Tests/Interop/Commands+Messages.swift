import MLS
import MLSCodec
import MLSPublicGroup
import TLSPresentation

/// Application messages, and messages as bytes.
extension Interpreter {
    static let messageCommands = [
        Command("protect TEXT [AAD]") { interpreter, arguments in
            let client = try interpreter.client
            let text = try arguments.bytes("TEXT")
            let authenticatedData = try arguments.optionalBytes("AAD") ?? client.settings.authenticatedData
            try arguments.end()
            let message = try client.membership.group.protect(text, authenticatedData: authenticatedData)
            return [("message", .hex(message))]
        },
        Command("unprotect MLSMESSAGE") { interpreter, arguments in
            let message = try arguments.bytes("MLSMESSAGE")
            try arguments.end()
            guard case .privateMessage(let decoded) = try MLSMessage(decoding: message),
                decoded.contentType == .application
            else { throw InteropError("not an application message") }
            let processed = try interpreter.client.membership.group.process(message)
            guard case .application(let opened) = consume processed else {
                throw InteropError("not an application message")
            }
            return fields(of: opened)
        },
    ]

    static let byteCommands = [
        Command("parse MLSMESSAGE") { _, arguments in
            let bytes = try arguments.bytes("MLSMESSAGE")
            try arguments.end()
            let message = try MLSMessage(decoding: bytes)
            guard message.encoded == bytes else { throw InteropError("it does not re-encode to the same bytes") }
            let route = message.route
            return [
                ("wire_format", .string("\(message.wireFormat)")), ("bytes", .number(UInt64(bytes.count))),
                ("group_id", .hex(route?.groupID)), ("epoch", route.map { .number($0.epoch) } ?? .null),
            ]
        }
    ]

    static func fields(of message: ApplicationMessage) -> Fields {
        [
            ("text", .hex(message.data)), ("aad", .hex(message.authenticatedData)),
            ("sender", .number(message.sender)), ("epoch", .number(message.epoch)),
        ]
    }
}

extension MLSMessage {
    /// The group and epoch that it names; nil where it names none.
    fileprivate var route: (groupID: [UInt8], epoch: UInt64)? {
        switch self {
        case .publicMessage(let message): (message.content.groupID, message.content.epoch)
        case .privateMessage(let message): (message.groupID, message.epoch)
        case .groupInfo(let info): (info.groupContext.groupID, info.groupContext.epoch)
        case .welcome, .keyPackage: nil
        }
    }
}
