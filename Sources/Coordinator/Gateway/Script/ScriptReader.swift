import Kit
import System

/// Reads a script strictly, because a misspelt field would silently be another story, and collects every
/// mistake with its place.
struct ScriptReader {
    private let directory: String
    /// Knows the lines, when the script is YAML.
    private let node: YAMLNode?
    private var problems: [String] = []
    private var files: [String: String] = [:]

    init(directory: String, node: YAMLNode?) { (self.directory, self.node) = (directory, node) }

    mutating func read(_ json: JSON, file: String) throws(GatewayError) -> Script {
        var script = Script(name: Files.name(of: file), conversations: [])
        let fields = object(json, ["name", "price_as", "conversations"], at: [])
        if let name = string(fields["name"], at: ["name"]) { script.name = name }
        script.priceAs = string(fields["price_as"], at: ["price_as"])
        let conversations = list(fields["conversations"], at: ["conversations"])
        if conversations.isEmpty { note(["conversations"], "must have one conversation at least") }
        for (index, item) in conversations.enumerated() {
            script.conversations.append(conversation(item, at: ["conversations", "\(index)"]))
        }
        guard problems.isEmpty else { throw .script(file: file, problems: problems) }
        script.files = files
        return script
    }

    private mutating func conversation(_ json: JSON, at place: [String]) -> Script.Conversation {
        let fields = object(json, ["match", "turns"], at: place)
        var result = Script.Conversation()
        if let match = fields["match"] { result.match = self.match(match, at: place + ["match"]) }
        for (index, turn) in list(fields["turns"], at: place + ["turns"]).enumerated() {
            result.turns.append(self.turn(turn, at: place + ["turns", "\(index)"]))
        }
        return result
    }

    private mutating func match(_ json: JSON, at place: [String]) -> Script.Match {
        let fields = object(json, ["role", "kind", "agent", "task", "attempt", "contains"], at: place)
        var match = Script.Match()
        match.role = string(fields["role"], at: place + ["role"])
        match.kind = string(fields["kind"], at: place + ["kind"])
        match.agent = string(fields["agent"], at: place + ["agent"])
        match.task = string(fields["task"], at: place + ["task"])
        match.attempt = number(fields["attempt"], at: place + ["attempt"])
        if case .array(let texts) = fields["contains"] {
            for (index, text) in texts.enumerated() {
                if let text = string(text, at: place + ["contains", "\(index)"]) {
                    match.contains.append(text)
                }
            }
        } else if let text = string(fields["contains"], at: place + ["contains"]) {
            match.contains = [text]
        }
        return match
    }

    private mutating func turn(_ json: JSON, at place: [String]) -> Script.Turn {
        let fields = object(json, ["text", "tools", "delay_ms", "usage", "stop_reason", "fault"], at: place)
        var turn = Script.Turn()
        turn.text = string(fields["text"], at: place + ["text"])
        for (index, tool) in list(fields["tools"], at: place + ["tools"]).enumerated() {
            let here = place + ["tools", "\(index)"]
            let tool = object(tool, ["name", "input"], at: here)
            let name = string(tool["name"], at: here + ["name"])
            if name == nil { note(here + ["name"], "is missing") }
            let input = tool["input"] ?? [:]
            if input.objectValue == nil { note(here + ["input"], "must be an object") }
            load(filesOf: input, at: here + ["input"])
            turn.tools.append(Script.Tool(name: name ?? "", input: input))
        }
        turn.delayMilliseconds = number(fields["delay_ms"], at: place + ["delay_ms"]) ?? 0
        turn.stopReason = string(fields["stop_reason"], at: place + ["stop_reason"])
        if let usage = fields["usage"] { turn.usage = self.usage(usage, at: place + ["usage"]) }
        if let fault = fields["fault"] { turn.fault = self.fault(fault, at: place + ["fault"]) }
        return turn
    }

    private mutating func usage(_ json: JSON, at place: [String]) -> TokenUsage {
        let fields = object(json, ["input", "output", "cache_read", "cache_write"], at: place)
        return TokenUsage(
            input: number(fields["input"], at: place + ["input"]) ?? 0,
            cacheWrite5m: number(fields["cache_write"], at: place + ["cache_write"]) ?? 0,
            cacheRead: number(fields["cache_read"], at: place + ["cache_read"]) ?? 0,
            output: number(fields["output"], at: place + ["output"]) ?? 0)
    }

    private mutating func fault(_ json: JSON, at place: [String]) -> Script.Fault? {
        let kinds = ["status", "cut_after_bytes", "silence_ms", "malformed"]
        let fields = object(json, kinds + ["retry_after", "times"], at: place)
        let times = number(fields["times"], at: place + ["times"]) ?? 1
        guard kinds.count(where: { fields[$0] != nil }) == 1 else {
            note(place, "must have exactly one of \(kinds.joined(separator: ", "))")
            return nil
        }
        if fields["retry_after"] != nil, fields["retry_after"]?.doubleValue.map({ $0 >= 0 }) != true {
            note(place + ["retry_after"], "must be a number of seconds")
        }
        if let status = number(fields["status"], at: place + ["status"]) {
            if !(400..<600).contains(status) { note(place + ["status"], "must be from 400 to 599") }
            let after = fields["retry_after"]?.doubleValue
            return Script.Fault(kind: .status(status, retryAfterSeconds: after), times: times)
        }
        if let bytes = number(fields["cut_after_bytes"], at: place + ["cut_after_bytes"]) {
            return Script.Fault(kind: .cut(bytes: bytes), times: times)
        }
        if let milliseconds = number(fields["silence_ms"], at: place + ["silence_ms"]) {
            return Script.Fault(kind: .silence(milliseconds: milliseconds), times: times)
        }
        switch fields["malformed"] {
        case true: return Script.Fault(kind: .malformed("{\"type\": \"content_block_d"), times: times)
        case .string(let text): return Script.Fault(kind: .malformed(text), times: times)
        case nil: return nil
        default:
            note(place + ["malformed"], "must be true, or the nonsense itself")
            return nil
        }
    }

    // MARK: Values

    private mutating func object(_ json: JSON, _ known: [String], at place: [String]) -> [String: JSON] {
        guard let members = json.objectValue else {
            note(place, "must be an object, but is \(json.kindName)")
            return [:]
        }
        for key in members.keys.sorted() where !known.contains(key) {
            note(place + [key], "is not known; known are \(known.joined(separator: ", "))")
        }
        return members.filter { !$0.value.isNull }
    }

    private mutating func list(_ json: JSON?, at place: [String]) -> [JSON] {
        guard let json else { return [] }
        if json.arrayValue == nil { note(place, "must be a list, but is \(json.kindName)") }
        return json.arrayValue ?? []
    }

    private mutating func string(_ json: JSON?, at place: [String]) -> String? {
        guard let json else { return nil }
        guard let text = json.stringValue ?? json.int64Value.map({ "\($0)" }) else {
            note(place, "must be a text, but is \(json.kindName)")
            return nil
        }
        load(filesOf: .string(text), at: place)
        return text
    }

    private mutating func number(_ json: JSON?, at place: [String]) -> Int? {
        guard let json else { return nil }
        guard let number = json.intValue, (0...1_000_000_000).contains(number) else {
            note(place, "must be a whole number from 0 to 1000000000")
            return nil
        }
        return number
    }

    private mutating func note(_ place: [String], _ message: String) {
        let line = node.map { "line \(ScriptReader.line(of: place, in: $0)), " } ?? ""
        problems.append("\(line)/\(place.joined(separator: "/")): \(message)")
    }

    /// The line of the deepest node on the way to a place.
    private static func line(of place: [String], in root: YAMLNode) -> Int {
        var node = root
        for step in place {
            if case .sequence(let items, _) = node, let index = Int(step), items.indices.contains(index) {
                node = items[index]
            } else if let next = node[step] {
                node = next
            } else {
                break
            }
        }
        return node.mark.line
    }

    // MARK: Files

    /// Reads what `${file:PATH}` names, so that a missing file is found before a session starts.
    private mutating func load(filesOf json: JSON, at place: [String]) {
        switch json {
        case .string(let text):
            var rest = text[...]
            while let start = rest.firstRange(of: "${file:") {
                rest = rest[start.upperBound...]
                guard let end = rest.firstIndex(of: "}") else { return }
                load(String(rest[..<end]), at: place)
            }
        case .array(let elements): for element in elements { load(filesOf: element, at: place) }
        case .object(let members): for member in members.values { load(filesOf: member, at: place) }
        default: break
        }
    }

    private mutating func load(_ path: String, at place: [String]) {
        if files[path] != nil { return }
        do throws(SystemError) {
            let root = try Files.realPath(directory)
            let file = try Files.realPath("\(directory)/\(path)")
            // Links count too: a script from a repository must not read what is beside it.
            guard file.hasPrefix(root == "/" ? "/" : root + "/") else {
                return note(place, "${file:\(path)} is not beneath the script's directory")
            }
            files[path] = try Files.readText(file, limit: Script.sizeLimit)
        } catch {
            note(place, "${file:\(path)}: \(error)")
        }
    }
}
