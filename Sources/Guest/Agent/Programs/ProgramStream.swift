// What an agent program prints while it works, read for people and for the hand-over. It comes from a program
// that may do as it likes, so nothing of it decides anything: it is shown, cut, and kept as words.
import Kit

/// Reads the lines of one run. Pure.
struct ProgramStream {
    let kind: AgentProgram.Stream
    /// The last thing that it said, and why it says that it failed.
    private(set) var last = ""
    private(set) var problem: String?
    /// Of a stream of text: its last lines.
    private var tail: [String] = []

    /// Lines and characters kept of a stream of text.
    private static let tailLines = 12
    private static let lineCharacters = 500

    init(_ kind: AgentProgram.Stream) { self.kind = kind }

    /// What the run came to, in words.
    var summary: String { kind == .text ? tail.joined(separator: "\n") : last }

    /// Takes one line.
    /// - Returns: What to show of it.
    mutating func add(_ line: String) -> [String] {
        switch kind {
        case .text: return text(line)
        case .claude, .codex:
            guard let event = try? JSON.parse(line), event.objectValue != nil else { return text(line) }
            return kind == .claude ? claude(event) : codex(event)
        }
    }

    private mutating func text(_ line: String) -> [String] {
        let words = String(Self.plain(line).prefix(Self.lineCharacters))
        guard words.contains(where: { !$0.isWhitespace }) else { return [] }
        tail.append(words)
        if tail.count > Self.tailLines { tail.removeFirst() }
        return [words]
    }

    private mutating func say(_ text: String?) -> [String] {
        guard let text, !text.isEmpty else { return [] }
        last = text
        return [text]
    }

    private static func call(_ name: String?, _ input: JSON) -> [String] {
        ["→ \(name ?? "") \(TaskText.brief(input))"]
    }

    // MARK: Claude Code

    private mutating func claude(_ event: JSON) -> [String] {
        switch event["type"]?.stringValue {
        case "assistant":
            let blocks = event["message"]?["content"]?.arrayValue ?? []
            var shown: [String] = []
            for block in blocks {
                switch block["type"]?.stringValue {
                case "text": shown += say(block["text"]?.stringValue)
                case "tool_use": shown += Self.call(block["name"]?.stringValue, block["input"] ?? .null)
                default: break
                }
            }
            return shown
        case "result":
            let words = event["result"]?.stringValue ?? ""
            if event["is_error"]?.boolValue == true {
                let kind = event["subtype"]?.stringValue ?? "error"
                problem = words.isEmpty ? kind : words
            } else if !words.isEmpty {
                last = words
            }
            return []
        default: return []
        }
    }

    // MARK: Codex

    private mutating func codex(_ event: JSON) -> [String] {
        switch event["type"]?.stringValue {
        case "item.started", "item.completed":
            let isStart = event["type"] == "item.started"
            let item = event["item"] ?? [:]
            switch item["type"]?.stringValue {
            case "agent_message": return isStart ? [] : say(item["text"]?.stringValue)
            case "command_execution":
                return isStart ? Self.call("shell", ["command": item["command"] ?? ""]) : []
            case "mcp_tool_call":
                return isStart ? Self.call(item["tool"]?.stringValue, item["arguments"] ?? .null) : []
            case "file_change":
                let paths = (item["changes"]?.arrayValue ?? []).compactMap { $0["path"]?.stringValue }
                return isStart ? [] : Self.call("edit", ["paths": .string(paths.joined(separator: " "))])
            default: return []
            }
        case "turn.completed":
            problem = nil
            return []
        case "turn.failed", "error":
            let words = event["error"]?["message"]?.stringValue ?? event["message"]?.stringValue ?? event.text
            problem = words
            return [words]
        default: return []
        }
    }

    /// Without the escapes of terminals, which would be obeyed by whoever shows them.
    static func plain(_ line: String) -> String {
        var result = String.UnicodeScalarView()
        var scalars = line.unicodeScalars.makeIterator()
        while let scalar = scalars.next() {
            guard scalar == "\u{1B}" else {
                if scalar == "\t" || scalar.value >= 0x20, !(0x7F..<0xA0).contains(scalar.value) {
                    result.append(scalar)
                }
                continue
            }
            // CSI … final byte; any other escape is one character long (ECMA-48, 5.4).
            guard scalars.next() == "[" else { continue }
            while let next = scalars.next(), !(0x40...0x7E).contains(next.value) {}
        }
        return String(result)
    }
}

/// Cuts what comes into lines; one that is longer than the limit is left out whole.
struct ProgramLines {
    private var bytes: [UInt8] = []
    private var isTooLong = false
    /// In bytes: a line may hold the whole result of a tool.
    private let limit: Int

    init(limit: Int = 16 << 20) { self.limit = limit }

    mutating func add(_ more: [UInt8]) -> [String] {
        var lines: [String] = []
        var rest = more[...]
        while let end = rest.firstIndex(of: 0x0A) {
            take(rest[..<end])
            if !isTooLong { lines.append(String(decoding: bytes, as: UTF8.self)) }
            (bytes, isTooLong) = ([], false)
            rest = rest[(end + 1)...]
        }
        take(rest)
        return lines
    }

    private mutating func take(_ piece: ArraySlice<UInt8>) {
        guard !isTooLong else { return }
        isTooLong = bytes.count + piece.count > limit
        if isTooLong { bytes = [] } else { bytes += piece }
    }

    /// What came after the last end of a line.
    mutating func end() -> String? {
        defer { bytes = [] }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }
}
