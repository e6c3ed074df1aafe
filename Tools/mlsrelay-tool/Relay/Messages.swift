import ArgumentParser
import Glibc
import MLSCodec
import TLSPresentation

/// MLSMessages to publish: from files, or from standard input.
struct MessageArguments: ParsableArguments {
    @Argument(
        help: "Files with one MLSMessage each; without any, standard input has one a line, in hexadecimal digits.")
    var files: [String] = []

    func messages() throws -> [[UInt8]] {
        let messages = try files.isEmpty ? Self.lines() : files.map(Self.bytes(of:))
        if messages.isEmpty { throw ToolError("there is no message to publish") }
        for (index, message) in messages.enumerated() {
            // The relay would say so too, but not of which file.
            do throws(EnvelopeError) {
                _ = try MLSMessageEnvelope(message.rawSpan)
            } catch {
                throw ToolError("\(files.isEmpty ? "line \(index + 1)" : files[index]): \(error)")
            }
        }
        return messages
    }

    private static func lines() throws -> [[UInt8]] {
        var messages: [[UInt8]] = []
        while let line = readLine() {
            let digits = line.filter { !$0.isWhitespace }
            if digits.isEmpty { continue }
            guard let bytes = [UInt8](hex: digits) else {
                throw ToolError("line \(messages.count + 1) of standard input is not hexadecimal digits")
            }
            messages.append(bytes)
        }
        return messages
    }

    private static func bytes(of path: String) throws -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw ToolError("\(path): \(String(cString: strerror(errno)))") }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(file, &buffer, buffer.count)
            guard count >= 0 else { throw ToolError("\(path): \(String(cString: strerror(errno)))") }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }
}
