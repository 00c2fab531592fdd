import Kit

/// The commands at the beginning of a push (gitprotocol-pack(5), "Reference Update Request"). Read as
/// strictly as git reads them or more, because the policy is decided on this reading and git acts on its own.
struct PushCommands: Equatable {
    struct Command: Equatable {
        let old: String
        let new: String
        let ref: String
    }

    let commands: [Command]
    let capabilities: Set<String>

    /// Why the bytes are no push that we accept.
    private struct Refusal: Error {
        let reason: String
    }

    /// What the beginning of a body came to.
    enum Reading: Equatable {
        case commands(PushCommands)
        case incomplete
        case refused(String)
    }

    static func read(_ bytes: some Collection<UInt8>) -> Reading {
        do throws(Refusal) {
            return try parse(bytes).map { .commands($0) } ?? .incomplete
        } catch {
            return .refused(error.reason)
        }
    }

    /// Reads up to the flush packet. Nil when more bytes are needed.
    private static func parse(_ bytes: some Collection<UInt8>) throws(Refusal) -> PushCommands? {
        let bytes = Array(bytes.prefix(Limits.pushCommandBytes + 4))
        var position = 0
        var commands: [Command] = []
        var capabilities: Set<String> = []
        while true {
            guard position <= Limits.pushCommandBytes, commands.count <= Limits.pushCommands else {
                throw Refusal(reason: "more than \(Limits.pushCommands) references in one push")
            }
            guard position + 4 <= bytes.count else { return nil }
            // Git's own reader takes both cases, nothing else.
            guard let header = Hex.decode(String(decoding: bytes[position..<(position + 4)], as: UTF8.self))
            else {
                throw Refusal(reason: "a packet without a length")
            }
            let length = Int(header[0]) << 8 | Int(header[1])
            if length == 0 { return PushCommands(commands: commands, capabilities: capabilities) }
            guard length > 4 else { throw Refusal(reason: "a packet of length \(length)") }
            guard position + length <= bytes.count else {
                guard position + length <= Limits.pushCommandBytes else {
                    throw Refusal(
                        reason: "the references of the push are longer than \(Limits.pushCommandBytes) bytes")
                }
                return nil
            }
            var line = bytes[(position + 4)..<(position + length)]
            if line.last == 0x0A { line.removeLast() }
            position += length
            if line.starts(with: "shallow ".utf8) { continue }
            let parts = line.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 {
                guard commands.isEmpty else {
                    throw Refusal(reason: "capabilities after the first reference")
                }
                capabilities = Set(
                    String(decoding: parts[1], as: UTF8.self).split(separator: " ").map(String.init))
            }
            commands.append(try command(parts[0]))
        }
    }

    private static func command(_ line: ArraySlice<UInt8>) throws(Refusal) -> Command {
        guard let text = String(validating: line, as: UTF8.self) else {
            throw Refusal(reason: "a reference that is not UTF-8")
        }
        let words = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false).map(
            String.init)
        let isObject = { (word: String) in
            (word.utf8.count == 40 || word.utf8.count == 64) && word.utf8.allSatisfy { Hex.digit($0) != nil }
        }
        // A signed push (push-cert) and everything unknown ends here.
        guard words.count == 3, isObject(words[0]), isObject(words[1]) else {
            throw Refusal(reason: "a line that is no update of a reference")
        }
        return Command(old: words[0], new: words[1], ref: words[2])
    }

    /// The references that an agent must not write, with the reason for each.
    func violations(prefix: String) -> [(ref: String, reason: String)] {
        commands.compactMap { command in
            let name = command.ref.dropFirst(prefix.count)
            let isName =
                command.ref.hasPrefix(prefix) && !name.isEmpty
                && name.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
                        || "-._/".utf8.contains(byte)
                }
                // Git refuses such names too (git-check-ref-format(1)); here nothing leads upwards anyway.
                && name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
                    !$0.isEmpty && !$0.hasPrefix(".") && !$0.hasSuffix(".") && !$0.contains("..")
                }
            return isName ? nil : (command.ref, "only \(prefix)* is yours to push to")
        }
    }

    /// The answer that refuses all commands, as git's client shows it (gitprotocol-pack(5), "Report Status").
    func refusal(_ violations: [(ref: String, reason: String)]) -> [UInt8] {
        var report = PacketLine.make("unpack ok\n")
        for command in commands {
            let reason = violations.first { $0.ref == command.ref }?.reason ?? "another reference was refused"
            let ref = String(
                command.ref.unicodeScalars.filter { $0.value >= 0x20 }.prefix(1024).map(Character.init))
            report += PacketLine.make("ng \(ref) \(reason)\n")
        }
        report += PacketLine.flush
        guard capabilities.contains("side-band-64k") else { return report }
        // Band 1 carries the report, in pieces of at most 65515 bytes.
        var output: [UInt8] = []
        for start in stride(from: 0, to: report.count, by: 65_000) {
            output += PacketLine.make([1] + report[start..<min(start + 65_000, report.count)])
        }
        return output + PacketLine.flush
    }
}

/// gitprotocol-common(5), "pkt-line Format".
enum PacketLine {
    static let flush = Array("0000".utf8)

    static func make(_ text: String) -> [UInt8] { make(Array(text.utf8)) }

    static func make(_ bytes: [UInt8]) -> [UInt8] {
        let length = bytes.count + 4
        return Array(Hex.encode([UInt8(length >> 8), UInt8(length & 0xFF)]).utf8) + bytes
    }
}
