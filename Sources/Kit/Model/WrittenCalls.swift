// Calls of tools that a server leaves in the text. Models are trained on a dozen ways of writing a call; a
// server that does not know its model's way hands it on as words. They are read here, so that work that was
// asked for is done and is not taken for an answer.
/// Reads text as it streams: what cannot be a call passes at once, what may be one is held to the end. A
/// value.
public struct WrittenCalls: Sendable {
    public struct Call: Sendable, Hashable {
        public var name: String
        /// JSON, as far as the model wrote it.
        public var arguments: String
    }

    /// That the model was offered; without any, text is text.
    private let tools: Set<String>
    /// From where a call may begin.
    private var held: [UInt8] = []
    private var isHolding = false
    /// The end of the text so far, which may be the beginning of a mark.
    private var tail: [UInt8] = []
    /// Nothing but blanks since the last line break.
    private var isAtLineStart = true

    /// Nobody writes these but to call: Hermes and Qwen, Llama 3, Mistral.
    private static let marks = ["<tool_call>", "<function=", "<|python_tag|>", "[TOOL_CALLS]"].map {
        Array($0.utf8)
    }
    /// At the start of a line these may be a call: bare JSON, or JSON in a fence (Qwen 2.5 Coder, Llama 3).
    private static let lineMarks = ["{", "[{", "```"].map { Array($0.utf8) }
    private static let callLimit = 200

    /// - Parameter tools: Names of the tools that were offered.
    public init(tools: Set<String>) { self.tools = tools }

    /// - Returns: What passes.
    public mutating func receive(_ text: String) -> String {
        guard !tools.isEmpty else { return text }
        guard !isHolding else {
            held += text.utf8
            return ""
        }
        tail += text.utf8
        var index = 0
        while index < tail.count {
            let byte = tail[index]
            if [UInt8(ascii: "<"), UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: "`")].contains(byte) {
                switch match(at: index) {
                case .whole:
                    isHolding = true
                    held = Array(tail[index...])
                    return passed(index)
                case .part: return passed(index)
                case .none: break
                }
            }
            if byte == UInt8(ascii: "\n") {
                isAtLineStart = true
            } else if byte != UInt8(ascii: " "), byte != UInt8(ascii: "\t") {
                isAtLineStart = false
            }
            index += 1
        }
        return passed(index)
    }

    private mutating func passed(_ count: Int) -> String {
        let text = String(decoding: tail[..<count], as: UTF8.self)
        tail.removeFirst(count)
        return text
    }

    private enum Match { case whole, part, none }

    private func match(at index: Int) -> Match {
        let rest = tail[index...]
        var result = Match.none
        for mark in Self.marks + (isAtLineStart ? Self.lineMarks : []) {
            if rest.starts(with: mark) { return .whole }
            if mark.starts(with: rest) { result = .part }
        }
        return result
    }

    /// The rest of the text, and the calls in it.
    /// - Parameter isCut: The answer has no end of its own: half a call is none.
    public mutating func end(isCut: Bool) -> (text: String, calls: [Call]) {
        let bytes = isHolding ? held : tail
        (held, tail, isHolding) = ([], [], false)
        let text = String(decoding: bytes, as: UTF8.self)
        guard !tools.isEmpty, !isCut, !bytes.isEmpty else { return (text, []) }
        if let found = marked(bytes), !found.calls.isEmpty { return found }
        if let calls = bare(text) { return ("", calls) }
        return (text, [])
    }

    /// True for a text that was meant as a call and is none: a line is marked as one, or all of it is the
    /// JSON of one.
    public static func isUnread(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let start = line.drop { isBlank($0) }
            if marks.contains(where: { start.starts(with: $0) }) { return true }
        }
        guard let whole = unfenced(bytes), plain(whole) != nil else { return false }
        return ["\"arguments\"", "\"parameters\""].contains { find($0, in: whole, from: 0) != nil }
    }

    // MARK: Marked calls

    /// What is marked as a call is one, also of a tool that there is not: then the model hears so.
    private func marked(_ bytes: [UInt8]) -> (text: String, calls: [Call])? {
        var calls: [Call] = []
        var text: [UInt8] = []
        var index = 0
        while index < bytes.count, calls.count < Self.callLimit {
            let rest = bytes[index...]
            guard let mark = Self.marks.first(where: { rest.starts(with: $0) }) else {
                text.append(bytes[index])
                index += 1
                continue
            }
            let inner = index + mark.count
            let (found, end) =
                switch String(decoding: mark, as: UTF8.self) {
                case "<tool_call>": Self.hermes(bytes, inner)
                case "<function=": Self.function(bytes, inner)
                case "<|python_tag|>": Self.values(bytes, inner)
                default: Self.mistral(bytes, inner)
                }
            guard !found.isEmpty else { return nil }
            calls += found
            index = max(end, inner)
        }
        let plain = String(decoding: text + bytes[min(index, bytes.count)...], as: UTF8.self)
        return (Self.withoutEnds(plain), calls)
    }

    /// `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, or Qwen 3 Coder's form inside of the same
    /// mark.
    private static func hermes(_ bytes: [UInt8], _ start: Int) -> ([Call], Int) {
        let close = find("</tool_call>", in: bytes, from: start)
        let inner = trimmed(bytes[start..<(close ?? bytes.count)])
        let end = close.map { $0 + "</tool_call>".utf8.count } ?? bytes.count
        let mark = Array("<function=".utf8)
        if inner.starts(with: mark) { return (function(inner, mark.count).0, end) }
        return (call(in: inner).map { [$0] } ?? [], end)
    }

    /// `<function=NAME>{…}</function>`, or with `<parameter=KEY>VALUE</parameter>` inside.
    private static func function(_ bytes: [UInt8], _ start: Int) -> ([Call], Int) {
        guard let open = bytes[start...].firstIndex(of: UInt8(ascii: ">")) else { return ([], start) }
        let name = String(decoding: bytes[start..<open], as: UTF8.self)
        let close = find("</function>", in: bytes, from: open)
        let inner = trimmed(bytes[(open + 1)..<(close ?? bytes.count)])
        let end = close.map { $0 + "</function>".utf8.count } ?? bytes.count
        guard !name.isEmpty, name.utf8.count <= 200, !name.contains("\n") else { return ([], end) }
        guard inner.starts(with: Array("<parameter=".utf8)) else {
            let text = String(decoding: inner, as: UTF8.self)
            return ([Call(name: name, arguments: text.isEmpty ? "{}" : text)], end)
        }
        var fields: [String: JSON] = [:]
        var index = 0
        while let key = find("<parameter=", in: inner, from: index) {
            let from = key + "<parameter=".utf8.count
            guard let mark = inner[from...].firstIndex(of: UInt8(ascii: ">")) else { break }
            let close = find("</parameter>", in: inner, from: mark) ?? inner.count
            var value = inner[(mark + 1)..<close]
            // One line break belongs to the form, the rest to the value.
            if value.first == UInt8(ascii: "\n") { value.removeFirst() }
            if value.last == UInt8(ascii: "\n") { value.removeLast() }
            let text = String(decoding: value, as: UTF8.self)
            let parsed = try? JSON.parse(text)
            let isText = parsed == nil || parsed?.stringValue != nil
            fields[String(decoding: inner[from..<mark], as: UTF8.self)] = isText ? .string(text) : parsed
            index = close
        }
        return ([Call(name: name, arguments: JSON.object(fields).text)], end)
    }

    /// `{"name": …, "parameters": {…}}`, one or several, with or without `;` between.
    private static func values(_ bytes: [UInt8], _ start: Int) -> ([Call], Int) {
        var calls: [Call] = []
        var index = start
        while calls.count < callLimit {
            while index < bytes.count, isBlank(bytes[index]) || bytes[index] == UInt8(ascii: ";") {
                index += 1
            }
            guard let end = JSONExtent.end(of: bytes, from: index),
                let call = call(in: Array(bytes[index..<end]))
            else { break }
            calls.append(call)
            index = end
        }
        return (calls, index)
    }

    /// `[TOOL_CALLS][{"name": …, "arguments": {…}}]`, or `[TOOL_CALLS]NAME[ARGS]{…}` as the newer ones write.
    private static func mistral(_ bytes: [UInt8], _ start: Int) -> ([Call], Int) {
        var index = start
        while index < bytes.count, isBlank(bytes[index]) { index += 1 }
        if index < bytes.count, bytes[index] == UInt8(ascii: "["),
            let end = JSONExtent.end(of: bytes, from: index),
            let list = try? JSON.parse(Array(bytes[index..<end])),
            let items = list.arrayValue
        {
            let calls = items.compactMap(call(from:))
            return (calls.count == items.count ? calls : [], end)
        }
        guard let brace = bytes[index...].firstIndex(of: UInt8(ascii: "{")),
            let end = JSONExtent.end(of: bytes, from: brace)
        else { return ([], start) }
        let words = bytes[index..<brace].prefix { $0 != UInt8(ascii: "[") }
        let name = String(decoding: trimmed(words), as: UTF8.self)
        guard !name.isEmpty, name.utf8.count <= 200, !name.contains(" "), !name.contains("\n") else {
            return ([], start)
        }
        return ([Call(name: name, arguments: String(decoding: bytes[brace..<end], as: UTF8.self))], end)
    }

    private static func withoutEnds(_ text: String) -> String {
        var text = text
        for end in ["<|eom_id|>", "<|eot_id|>", "<|im_end|>", "</s>"] { text = text.replacing(end, with: "") }
        return String(decoding: trimmed(Array(text.utf8)[...]), as: UTF8.self)
    }

    // MARK: Bare JSON

    /// Calls that nothing marks are calls only when all of it is such, and of tools that there are.
    private func bare(_ text: String) -> [Call]? {
        guard let bytes = Self.unfenced(Array(text.utf8)), let calls = Self.plain(bytes),
            calls.allSatisfy({ tools.contains($0.name) })
        else { return nil }
        return calls
    }

    /// What stands in a fence, or all of a text without one; nil for a fence that has no end, or for several.
    private static func unfenced(_ text: [UInt8]) -> [UInt8]? {
        let bytes = trimmed(Array(withoutEnds(String(decoding: text, as: UTF8.self)).utf8)[...])
        guard bytes.starts(with: Array("```".utf8)) else { return bytes }
        guard let line = bytes.firstIndex(of: UInt8(ascii: "\n")),
            let close = find("```", in: bytes, from: line),
            // Words after the fence explain the call; a second fence would be another thing.
            find("```", in: bytes, from: close + 3) == nil
        else { return nil }
        return trimmed(bytes[line..<close])
    }

    /// The calls of a text that is nothing else: one, several behind each other, or a list.
    private static func plain(_ bytes: [UInt8]) -> [Call]? {
        if let list = (try? JSON.parse(bytes))?.arrayValue {
            let calls = list.compactMap(call(from:))
            return calls.isEmpty || calls.count != list.count ? nil : calls
        }
        let (calls, end) = values(bytes, 0)
        return calls.isEmpty || end != bytes.count ? nil : calls
    }

    private static func call(in bytes: [UInt8]) -> Call? {
        if let json = try? JSON.parse(bytes) { return call(from: json) }
        return nil
    }

    private static func call(from json: JSON) -> Call? {
        let words = json["function"]?.objectValue == nil ? json : json["function"] ?? json
        guard let name = words["name"]?.stringValue, !name.isEmpty else { return nil }
        switch words["arguments"] ?? words["parameters"] {
        case .some(.object(let object)): return Call(name: name, arguments: JSON.object(object).text)
        case .some(.string(let text)):
            return (try? JSON.parse(text))?.objectValue == nil ? nil : Call(name: name, arguments: text)
        // An object that has nothing but a name is a call only where it is marked or named as one.
        case nil, .some(.null): return words.objectValue?.count == 1 ? Call(name: name, arguments: "{}") : nil
        default: return nil
        }
    }

    // MARK: Bytes

    private static func isBlank(_ byte: UInt8) -> Bool { [0x20, 0x0A, 0x0D, 0x09].contains(byte) }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var bytes = bytes
        while let first = bytes.first, isBlank(first) { bytes.removeFirst() }
        while let last = bytes.last, isBlank(last) { bytes.removeLast() }
        return Array(bytes)
    }

    private static func find(_ text: String, in bytes: [UInt8], from start: Int) -> Int? {
        find(Array(text.utf8), in: bytes, from: start)
    }

    private static func find(_ needle: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard let first = needle.first, start <= bytes.count else { return nil }
        var index = start
        while let found = bytes[index...].firstIndex(of: first) {
            if bytes[found...].starts(with: needle) { return found }
            index = found + 1
        }
        return nil
    }
}

/// Where a JSON object or array ends that begins inside of a text.
enum JSONExtent {
    static func end(of bytes: [UInt8], from start: Int) -> Int? {
        guard start < bytes.count, [UInt8(ascii: "{"), UInt8(ascii: "[")].contains(bytes[start]) else {
            return nil
        }
        var depth = 0
        var isText = false
        var isEscaped = false
        for index in start..<bytes.count {
            let byte = bytes[index]
            if isText {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isText = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isText = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 { return index + 1 }
            default: break
            }
        }
        return nil
    }
}
