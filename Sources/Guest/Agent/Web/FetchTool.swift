import Glibc
import Kit
import System

/// Gets one address and shows it as text. curl does the talking: it knows TLS and the proxy.
enum FetchTool {
    private static let bodyBytes = 4 << 20
    private static let seconds = 30

    static func fetch(_ input: JSON, environment: [String: String]) throws(ToolProgram.Problem) -> JSON {
        let url = try WebAddress.check(try ToolProgram.text(input, "url"))
        guard let curl = Environment.lookUp("curl", path: environment["PATH"]), Files.exists(curl) else {
            throw ToolProgram.Problem("There is no curl in this guest; use browse.")
        }
        let outcome = try ToolProgram.system("fetch \(url)") { () throws(SystemError) in
            try Spawn.run(
                Spawn.Command(
                    [
                        curl, "--silent", "--show-error", "--location", "--max-redirs", "5", "--proto",
                        "=http,https", "--max-time", "\(seconds)", "--max-filesize", "\(bodyBytes)",
                        "--compressed", "--user-agent", "openclaw-fetch", "--write-out",
                        "\n%{http_code} %{url_effective} %{content_type}", "--", url,
                    ], environment: environment, stdout: .capture(limit: bodyBytes + 4096),
                    timeoutMilliseconds: seconds * 1000 + 5000))
        }
        guard outcome.status.isSuccess else {
            throw ToolProgram.Problem(
                "\(url): \(outcome.stderrText.prefix(300)) Hosts that the role's list does not have are not "
                    + "reached.")
        }
        let end = outcome.stdout.lastIndex(of: 0x0A) ?? outcome.stdout.startIndex
        let facts = String(decoding: outcome.stdout[end...].dropFirst(), as: UTF8.self)
            .split(separator: " ", maxSplits: 2).map(String.init)
        let body = Array(outcome.stdout[..<end])
        let type = facts.count > 2 ? facts[2].lowercased() : ""
        let offset = max(0, input["offset"]?.intValue ?? 0)
        let text = self.text(body, type: type)
        let shown = text.dropFirst(offset).prefix(Browser.shownCharacters)
        let left = text.count - offset - shown.count
        let more = left > 0 ? "\n[\(left) more characters; go on with offset \(offset + shown.count)]" : ""
        let status = facts.first ?? "?"
        return .string(
            "Status \(status), \(type.isEmpty ? "no type" : type), \(body.count) bytes.\n"
                + Fence.wrap(shown + more, source: facts.count > 1 ? facts[1] : url))
    }

    static func text(_ body: [UInt8], type: String) -> String {
        if body.isEmpty { return "[empty]" }
        if body.prefix(8192).contains(0) { return "[not text]" }
        let text = String(decoding: body, as: UTF8.self)
        let isPage =
            type.contains("html") || (type.isEmpty && text.prefix(500).lowercased().contains("<html"))
        return isPage ? HTMLText.make(text) : text
    }
}

/// The words of an HTML page, with its links; good enough to read, and nothing that runs.
enum HTMLText {
    private static let blocks: Set<String> = [
        "p", "div", "br", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "tr", "table", "section",
        "article", "header", "footer", "pre", "blockquote", "hr", "dt", "dd", "main", "nav", "form", "title",
    ]
    /// Elements whose content is not for readers.
    private static let silent: Set<String> = ["script", "style", "noscript", "template", "svg", "head"]

    static func make(_ html: String) -> String {
        var text = ""
        var links: [String] = []
        var hiddenIn: String?
        var isPreformatted = false
        var tokens = HTMLTokens(html)
        while let token = tokens.next() {
            switch token {
            case .text(let words):
                guard hiddenIn == nil else { continue }
                text += isPreformatted ? words : collapsed(words, after: text.last)
            case .open(let name, let attributes):
                if let hidden = hiddenIn {
                    // The head has the title, which is shown.
                    if hidden == "head", name == "title" || name == "body" { hiddenIn = nil }
                    if hiddenIn != nil { continue }
                }
                if silent.contains(name) {
                    hiddenIn = name
                } else {
                    if blocks.contains(name) { newLine(&text) }
                    if name == "li" { text += "- " }
                    if name.count == 2, name.hasPrefix("h"), name != "hr" { text += "# " }
                    if name == "pre" { isPreformatted = true }
                    if name == "a" { links.append(attributes["href"] ?? "") }
                }
            case .close(let name):
                if hiddenIn == name { hiddenIn = nil }
                guard hiddenIn == nil else { continue }
                if name == "pre" { isPreformatted = false }
                if name == "a", let link = links.popLast(), link.hasPrefix("http") || link.hasPrefix("/") {
                    text += " (\(link.prefix(300)))"
                }
                if blocks.contains(name) { newLine(&text) }
            }
        }
        return text
    }

    private static func newLine(_ text: inout String) {
        while text.last == " " { text.removeLast() }
        if !text.isEmpty, !text.hasSuffix("\n") { text += "\n" }
    }

    private static func collapsed(_ words: String, after last: Character?) -> String {
        var result = ""
        var isBlank = last == nil || last == " " || last == "\n"
        for character in words {
            if character.isWhitespace {
                if !isBlank { result.append(" ") }
                isBlank = true
            } else {
                result.append(character)
                isBlank = false
            }
        }
        return result
    }
}

/// Tags and texts of a page, forgiving like a browser: what is no tag is text.
struct HTMLTokens {
    enum Token: Equatable {
        case open(String, [String: String])
        case close(String)
        case text(String)
    }

    private let bytes: [UInt8]
    private var index = 0
    /// The content of scripts and styles is no markup.
    private var rawUntil: String?

    init(_ html: String) { bytes = Array(html.utf8) }

    mutating func next() -> Token? {
        guard index < bytes.count else { return nil }
        if let name = rawUntil {
            rawUntil = nil
            let end = find("</\(name)", from: index) ?? bytes.count
            defer { index = end }
            return .text(String(decoding: bytes[index..<end], as: UTF8.self))
        }
        if bytes[index] == 0x3C, index + 1 < bytes.count {
            if bytes[index...].starts(with: "<!--".utf8) {
                index = find("-->", from: index + 4).map { $0 + 3 } ?? bytes.count
                return .text("")
            }
            let second = bytes[index + 1]
            if second == 0x21 || second == 0x3F {
                index = (bytes[index...].firstIndex(of: 0x3E) ?? bytes.count - 1) + 1
                return .text("")
            }
            if second == 0x2F || Self.isLetter(second) { return tag() }
        }
        let start = index
        index += 1
        while index < bytes.count, bytes[index] != 0x3C { index += 1 }
        return .text(Markup.decoded(bytes[start..<index]))
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }

    private mutating func tag() -> Token {
        index += 1
        let isClosing = bytes[index] == 0x2F
        if isClosing { index += 1 }
        let name = word(until: " \t\r\n\u{C}/>").lowercased()
        var attributes: [String: String] = [:]
        while index < bytes.count, bytes[index] != 0x3E {
            let key = word(until: " \t\r\n\u{C}/>=").lowercased()
            guard !key.isEmpty else {
                index += 1
                continue
            }
            guard index < bytes.count, bytes[index] == 0x3D else { continue }
            index += 1
            attributes[key] = value()
        }
        index += 1
        if isClosing { return .close(name) }
        if name == "script" || name == "style" { rawUntil = name }
        return .open(name, attributes)
    }

    private mutating func value() -> String {
        guard index < bytes.count else { return "" }
        let quote = bytes[index]
        guard quote == 0x22 || quote == 0x27 else { return word(until: " \t\r\n\u{C}>") }
        let start = index + 1
        let end = bytes[start...].firstIndex(of: quote) ?? bytes.count
        index = min(end + 1, bytes.count)
        return Markup.decoded(bytes[start..<end])
    }

    private mutating func word(until ends: String) -> String {
        let start = index
        while index < bytes.count, !ends.utf8.contains(bytes[index]) { index += 1 }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private func find(_ text: String, from start: Int) -> Int? {
        let wanted = Array(text.utf8)
        guard bytes.count >= wanted.count else { return nil }
        return (start...max(start, bytes.count - wanted.count)).first { place in
            place + wanted.count <= bytes.count
                && zip(bytes[place...], wanted).allSatisfy { $0 | 0x20 == $1 | 0x20 }
        }
    }
}
