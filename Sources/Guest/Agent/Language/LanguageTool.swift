import Glibc
import Kit
import Synchronization
import System

/// The lsp tool: what the code below one folder means, asked of the language's own server.
final class LanguageTool: Sendable {
    private let servers: LanguageServers
    private let root: String

    private static let placeLimit = 100

    init(root: String, servers: LanguageServers) { (self.root, self.servers) = (root, servers) }

    func act(_ input: JSON) throws(ToolProgram.Problem) -> String {
        let action = try ToolProgram.text(input, "action")
        if action == "symbols" { return try symbols(input) }
        let path = absolute(try ToolProgram.path(input))
        let server = try server(for: path)
        if action == "diagnostics" { return try diagnostics(path, server) }
        let text = try server.show(path)
        let place = try position(input, text, path)
        let here: JSON = ["textDocument": ["uri": .string(FileURI.make(path))], "position": place.json]
        switch action {
        case "definition":
            let answer = try server.call("textDocument/definition", here)
            return places(Self.locations(answer), "There is no definition that the server knows of.")
        case "references":
            var params = here
            params["context"] = ["includeDeclaration": true]
            let answer = try server.call("textDocument/references", params)
            return places(Self.locations(answer), "There are no references that the server knows of.")
        case "hover":
            let words = Self.words(try server.call("textDocument/hover", here)["contents"] ?? .null)
            return words.isEmpty ? "The server says nothing about it." : words
        case "rename":
            var params = here
            params["newName"] = .string(try ToolProgram.text(input, "new_name"))
            let answer = try server.call("textDocument/rename", params)
            return try WorkspaceEdit(answer).apply(below: root)
        default:
            throw ToolProgram.Problem(
                "`action` is definition, references, hover, diagnostics, rename or symbols.")
        }
    }

    private func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : "\(root)/\(path)" }

    private func relative(_ path: String) -> String {
        path.hasPrefix(root + "/") ? String(path.dropFirst(root.count + 1)) : path
    }

    private func server(for path: String) throws(ToolProgram.Problem) -> LanguageServer {
        guard let language = Language.of(path) else {
            let known = Language.all.map(\.id).joined(separator: ", ")
            throw ToolProgram.Problem("No language server is known for \(path); there are \(known).")
        }
        return try servers.server(language, root: root)
    }

    // MARK: Questions

    /// Where `line` and `symbol` (or `column`) say.
    private func position(_ input: JSON, _ text: String, _ path: String) throws(ToolProgram.Problem)
        -> TextPosition
    {
        guard let line = input["line"]?.intValue, line >= 1 else {
            throw ToolProgram.Problem("`line` is missing; it is a number from 1.")
        }
        let lines = text.lineList
        guard line <= lines.count else { throw ToolProgram.Problem("\(path) has only \(lines.count) lines.") }
        let content = lines[line - 1]
        if let symbol = input["symbol"]?.stringValue, !symbol.isEmpty {
            guard let range = content.firstRange(of: symbol) else {
                throw ToolProgram.Problem("Line \(line) of \(path) has no \(symbol): \(content.prefix(200))")
            }
            return TextPosition(line: line - 1, character: content[..<range.lowerBound].utf16.count)
        }
        let column = max(1, input["column"]?.intValue ?? 1)
        return TextPosition(line: line - 1, character: content.prefix(column - 1).utf16.count)
    }

    private func diagnostics(_ path: String, _ server: LanguageServer) throws(ToolProgram.Problem) -> String {
        let found = try server.diagnostics(path)
        guard !found.isEmpty else { return "\(server.language.command[0]) finds nothing wrong." }
        let kinds = ["", "error", "warning", "information", "hint"]
        return found.prefix(Self.placeLimit).map { item in
            let start = TextPosition(item["range"]?["start"])
            let severity = item["severity"]?.intValue ?? 1
            let kind = kinds.indices.contains(severity) ? kinds[severity] : "error"
            return "\(relative(path)):\(start.line + 1):\(start.character + 1): \(kind): "
                + "\((item["message"]?.stringValue ?? "").prefix(500))"
        }.joined(separator: "\n")
    }

    private func symbols(_ input: JSON) throws(ToolProgram.Problem) -> String {
        let query = try ToolProgram.text(input, "query")
        var wanted: [Language] = []
        if let path = input["file_path"]?.stringValue {
            let path = absolute(path)
            let server = try server(for: path)
            try server.show(path)
            wanted = [server.language]
        } else {
            let started = servers.started
            wanted = Language.all.filter { started.contains($0.id) }
        }
        guard !wanted.isEmpty else {
            throw ToolProgram.Problem("Give `file_path`, any file of the language that you mean.")
        }
        var lines: [String] = []
        for language in wanted {
            let server = try servers.server(language, root: root)
            let answer = try server.call("workspace/symbol", ["query": .string(query)])
            for symbol in answer.arrayValue ?? [] {
                guard let location = symbol["location"],
                    let path = FileURI.path(location["uri"]?.stringValue ?? "")
                else { continue }
                let line = TextPosition(location["range"]?["start"]).line + 1
                let container =
                    symbol["containerName"]?.stringValue.map { $0.isEmpty ? "" : " in \($0)" } ?? ""
                lines.append("\(relative(path)):\(line): \(symbol["name"]?.stringValue ?? "")\(container)")
            }
        }
        return lines.isEmpty ? "[no symbol]" : lines.prefix(Self.placeLimit).joined(separator: "\n")
    }

    // MARK: Answers

    /// Location, Location[], LocationLink[] or null.
    static func locations(_ answer: JSON) -> [(path: String, start: TextPosition)] {
        let items = answer.arrayValue ?? (answer.isNull ? [] : [answer])
        return items.compactMap { item in
            guard let uri = (item["uri"] ?? item["targetUri"])?.stringValue, let path = FileURI.path(uri)
            else {
                return nil
            }
            let range = item["range"] ?? item["targetSelectionRange"]
            return (path, TextPosition(range?["start"]))
        }
    }

    private func places(_ found: [(path: String, start: TextPosition)], _ none: String) -> String {
        guard !found.isEmpty else { return none }
        var texts: [String: [Substring]] = [:]
        var lines = found.prefix(Self.placeLimit).map { place -> String in
            if texts[place.path] == nil {
                texts[place.path] = (try? FileTools.content(place.path))?.lineList ?? []
            }
            let content = texts[place.path].flatMap { lines in
                lines.indices.contains(place.start.line) ? lines[place.start.line] : nil
            }
            return "\(relative(place.path)):\(place.start.line + 1):\(place.start.character + 1): "
                + "\((content ?? "").drop { $0 == " " || $0 == "\t" }.prefix(200))"
        }
        if found.count > Self.placeLimit { lines.append("[\(found.count - Self.placeLimit) more]") }
        return lines.joined(separator: "\n")
    }

    /// Text, marked text, markup, or a list of them.
    static func words(_ contents: JSON) -> String {
        if let text = contents.stringValue { return text }
        if let items = contents.arrayValue {
            return items.map(words).filter { !$0.isEmpty }.joined(separator: "\n")
        }
        return contents["value"]?.stringValue ?? ""
    }
}
