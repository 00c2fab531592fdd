// The YAML that people write for us: configuration, roles, scripts of models, the kit's manifest. libyaml
// reads it; this file keeps the lines for messages, and refuses what makes YAML surprising (anchors, tags,
// several documents).

import CYAML

/// A place in a YAML text; both count from 1.
public struct YAMLMark: Sendable, Hashable, CustomStringConvertible {
    public let line: Int
    public let column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public var description: String { "\(line):\(column)" }
}

/// Why a text is not acceptable YAML, and where.
public struct YAMLError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What the caller named as the origin of the text, usually a file.
    public let source: String
    public let mark: YAMLMark
    public let reason: String

    public init(source: String, mark: YAMLMark, reason: String) {
        self.source = source
        self.mark = mark
        self.reason = reason
    }

    public var description: String { "\(source):\(mark): \(reason)" }
}

/// A YAML value that remembers where it was written.
public indirect enum YAMLNode: Sendable, Hashable {
    /// `plain` tells an unquoted scalar, whose text decides its type.
    case scalar(String, plain: Bool, mark: YAMLMark)
    case sequence([YAMLNode], mark: YAMLMark)
    /// In the order of the text. The mark of a member is the mark of its value.
    case mapping([(key: String, node: YAMLNode)], mark: YAMLMark)

    public var mark: YAMLMark {
        switch self {
        case .scalar(_, _, let mark), .sequence(_, let mark), .mapping(_, let mark): mark
        }
    }

    /// The member of a mapping.
    public subscript(key: String) -> YAMLNode? {
        guard case .mapping(let members, _) = self else { return nil }
        return members.first { $0.key == key }?.node
    }

    /// The value, plain scalars by the core schema of YAML 1.2 (section 10.3.2). Infinities and NaN stay
    /// strings, because JSON has no such numbers.
    public var json: JSON {
        switch self {
        case .scalar(let text, let plain, _): plain ? YAMLNode.coreSchema(text) : .string(text)
        case .sequence(let nodes, _): .array(nodes.map(\.json))
        case .mapping(let members, _):
            .object(
                Dictionary(members.map { ($0.key, $0.node.json) }, uniquingKeysWith: { first, _ in first }))
        }
    }

    public static func == (left: YAMLNode, right: YAMLNode) -> Bool {
        switch (left, right) {
        case (.scalar(let a, let b, let c), .scalar(let d, let e, let f)): a == d && b == e && c == f
        case (.sequence(let a, let b), .sequence(let c, let d)): a == c && b == d
        case (.mapping(let a, let b), .mapping(let c, let d)):
            b == d && a.count == c.count && zip(a, c).allSatisfy { $0.key == $1.key && $0.node == $1.node }
        default: false
        }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(mark)
        hasher.combine(json)
    }

    private static func coreSchema(_ text: String) -> JSON {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        default: break
        }
        let bytes = Array(text.utf8)
        guard let first = bytes.first, first < 0x3A else { return .string(text) }
        if text.hasPrefix("0x"), let number = Int64(text.dropFirst(2), radix: 16), bytes[2] != 0x2D,
            bytes[2] != 0x2B
        {
            return .integer(number)
        }
        if text.hasPrefix("0o"), let number = Int64(text.dropFirst(2), radix: 8), bytes[2] != 0x2D,
            bytes[2] != 0x2B
        {
            return .integer(number)
        }
        if let number = Int64(text) { return .integer(number) }
        // Double also reads hexadecimal and words; the schema's floats have only these characters and one
        // digit at least.
        let hasDigit = bytes.contains { (0x30...0x39).contains($0) }
        let isDecimal = bytes.allSatisfy { (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }
        if hasDigit, isDecimal, let number = Double(text), number.isFinite { return .double(number) }
        return .string(text)
    }
}

/// Reads one YAML document.
public enum YAML {
    /// Nesting of sequences and mappings.
    public static let depthLimit = 32
    /// Size of a text in bytes.
    public static let sizeLimit = 1 << 20

    /// Reads one document. An empty text is a plain empty scalar, whose `json` is null.
    ///
    /// Refused, with the line: aliases and anchors, tags, a second document, keys that occur twice or are
    /// no strings, nesting beyond `depthLimit`, texts beyond `sizeLimit`.
    public static func parse(_ text: String, source: String) throws(YAMLError) -> YAMLNode {
        let start = YAMLMark(line: 1, column: 1)
        let bytes = Array(text.utf8)
        guard bytes.count <= sizeLimit else {
            throw YAMLError(source: source, mark: start, reason: "longer than \(sizeLimit) bytes")
        }
        return try bytes.withUnsafeBufferPointer { (buffer) throws(YAMLError) -> YAMLNode in
            guard let reader = YAMLReader(buffer, source: source) else {
                throw YAMLError(source: source, mark: start, reason: "libyaml has no memory for a parser")
            }
            return try reader.document()
        }
    }
}

/// Owns a libyaml parser for one text. Single-threaded: it lives and dies inside `YAML.parse`.
private final class YAMLReader {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let source: String
    private var event = YAMLEvent(kind: .other, mark: YAMLMark(line: 1, column: 1), text: "", isPlain: false)

    init?(_ bytes: UnsafeBufferPointer<UInt8>, source: String) {
        self.source = source
        parser = .allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            return nil
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    func document() throws(YAMLError) -> YAMLNode {
        try advance()  // the start of the stream
        try advance()
        if event.kind == .streamEnd { return .scalar("", plain: true, mark: event.mark) }
        try advance()  // past the start of the document
        let node = try node(depth: 0)
        try advance()  // the end of the document
        try advance()
        guard event.kind == .streamEnd else { throw error("a second document; only one is read") }
        return node
    }

    private func error(_ reason: String, at mark: YAMLMark? = nil) -> YAMLError {
        YAMLError(source: source, mark: mark ?? event.mark, reason: reason)
    }

    /// Reads the value that starts with the current event; afterwards the current event is its last.
    private func node(depth: Int) throws(YAMLError) -> YAMLNode {
        let mark = event.mark
        guard depth <= YAML.depthLimit else { throw error("nested deeper than \(YAML.depthLimit) levels") }
        switch event.kind {
        case .scalar: return .scalar(event.text, plain: event.isPlain, mark: mark)
        case .sequenceStart:
            var nodes: [YAMLNode] = []
            try advance()
            while event.kind != .end {
                nodes.append(try node(depth: depth + 1))
                try advance()
            }
            return .sequence(nodes, mark: mark)
        case .mappingStart:
            return .mapping(try members(depth: depth), mark: mark)
        case .alias: throw error("an alias (*name); write the value again")
        case .streamEnd, .end, .other: throw error("a value is missing")
        }
    }

    private func members(depth: Int) throws(YAMLError) -> [(key: String, node: YAMLNode)] {
        var members: [(key: String, node: YAMLNode)] = []
        var lines: [String: Int] = [:]
        try advance()
        while event.kind != .end {
            let key = event.text
            guard event.kind == .scalar else { throw error("a key that is no string") }
            if event.isPlain {
                guard case .string = YAMLNode.scalar(key, plain: true, mark: event.mark).json else {
                    throw error("the key \(key.isEmpty ? "(empty)" : key) is no string; put it in quotes")
                }
            }
            if let line = lines.updateValue(event.mark.line, forKey: key) {
                throw error("the key \"\(key)\" occurs twice, first in line \(line)")
            }
            try advance()
            members.append((key, try node(depth: depth + 1)))
            try advance()
        }
        return members
    }

    private func advance() throws(YAMLError) {
        var raw = yaml_event_t()
        guard yaml_parser_parse(parser, &raw) == 1 else { throw syntaxError() }
        defer { yaml_event_delete(&raw) }
        let mark = YAMLMark(line: Int(raw.start_mark.line) + 1, column: Int(raw.start_mark.column) + 1)
        var kind = YAMLEvent.Kind.other
        var (text, isPlain) = ("", false)
        var anchor: UnsafeMutablePointer<yaml_char_t>?
        var tag: UnsafeMutablePointer<yaml_char_t>?
        switch raw.type {
        case YAML_SCALAR_EVENT:
            let scalar = raw.data.scalar
            kind = .scalar
            (anchor, tag) = (scalar.anchor, scalar.tag)
            isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
            text = String(
                decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
        case YAML_SEQUENCE_START_EVENT:
            kind = .sequenceStart
            (anchor, tag) = (raw.data.sequence_start.anchor, raw.data.sequence_start.tag)
        case YAML_MAPPING_START_EVENT:
            kind = .mappingStart
            (anchor, tag) = (raw.data.mapping_start.anchor, raw.data.mapping_start.tag)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: kind = .end
        case YAML_STREAM_END_EVENT: kind = .streamEnd
        case YAML_ALIAS_EVENT: kind = .alias
        default: break
        }
        guard anchor == nil else {
            throw error("an anchor (&name); write the value where it is needed", at: mark)
        }
        guard tag == nil else { throw error("a tag (!type); the type follows from the value", at: mark) }
        event = YAMLEvent(kind: kind, mark: mark, text: text, isPlain: isPlain)
    }

    private func syntaxError() -> YAMLError {
        let raw = parser.pointee
        let mark = YAMLMark(line: Int(raw.problem_mark.line) + 1, column: Int(raw.problem_mark.column) + 1)
        let problem = raw.problem.map { String(cString: $0) } ?? "cannot be read"
        guard let context = raw.context.map({ String(cString: $0) }) else { return error(problem, at: mark) }
        return error("\(problem) (\(context) in line \(raw.context_mark.line + 1))", at: mark)
    }
}

/// One event of libyaml, copied out of its memory.
private struct YAMLEvent {
    enum Kind {
        case scalar, sequenceStart, mappingStart, end, alias, streamEnd, other
    }

    let kind: Kind
    let mark: YAMLMark
    let text: String
    let isPlain: Bool
}
