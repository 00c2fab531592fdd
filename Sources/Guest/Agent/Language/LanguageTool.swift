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
        server.synchronize()
        let text = try server.show(path)
        let place = try position(input, text, path, server.program.unit)
        let here: JSON = ["textDocument": ["uri": .string(FileURI.make(path))], "position": place.json]
        switch action {
        case "definition":
            let answer = try server.call("textDocument/definition", here)
            return places(
                Self.locations(answer), server.program.unit,
                "There is no definition that the server knows of.")
        case "references":
            var params = here
            params["context"] = ["includeDeclaration": true]
            let answer = try server.call("textDocument/references", params)
            return places(
                Self.locations(answer), server.program.unit,
                "There are no references that the server knows of.")
        case "hover":
            let words = Self.words(try server.call("textDocument/hover", here)["contents"] ?? .null)
            return words.isEmpty ? "The server says nothing about it." : words
        case "rename":
            var params = here
            params["newName"] = .string(try ToolProgram.text(input, "new_name"))
            return try rename(params, server)
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
    private func position(_ input: JSON, _ text: String, _ path: String, _ unit: PositionUnit)
        throws(ToolProgram.Problem)
        -> TextPosition
    {
        guard let line = input["line"]?.intValue, line >= 1 else {
            throw ToolProgram.Problem("`line` is missing; it is a number from 1.")
        }
        let lines = text.byteLines
        guard line <= lines.count else { throw ToolProgram.Problem("\(path) has only \(lines.count) lines.") }
        let content = lines[line - 1]
        if let symbol = input["symbol"]?.stringValue, !symbol.isEmpty {
            guard let start = Self.place(of: symbol, in: content) else {
                throw ToolProgram.Problem("Line \(line) of \(path) has no \(symbol): \(content.prefix(200))")
            }
            return TextPosition(line: line - 1, start, in: content, unit)
        }
        let skipped = max(1, input["column"]?.intValue ?? 1) - 1
        let index = content.index(content.startIndex, offsetBy: skipped, limitedBy: content.endIndex)
        return TextPosition(line: line - 1, index ?? content.endIndex, in: content, unit)
    }

    /// Where a name stands in a line as a word of its own; else the first place where its letters are.
    static func place(of symbol: String, in content: Substring) -> Substring.Index? {
        func isWord(_ character: Character?) -> Bool {
            character.map { $0 == "_" || $0.isLetter || $0.isNumber } ?? false
        }
        var first: Substring.Index?
        var rest = content
        while let range = rest.firstRange(of: symbol) {
            first = first ?? range.lowerBound
            let before =
                range.lowerBound > content.startIndex
                ? content[content.index(before: range.lowerBound)] : nil
            let after = range.upperBound < content.endIndex ? content[range.upperBound] : nil
            let joins = (isWord(before) && isWord(symbol.first)) || (isWord(after) && isWord(symbol.last))
            if !joins { return range.lowerBound }
            rest = content[content.index(after: range.lowerBound)...]
        }
        return first
    }

    /// The changes are in texts that the server was shown, so that it is certain which texts these are.
    private func rename(_ params: JSON, _ server: LanguageServer) throws(ToolProgram.Problem) -> String {
        var edit = WorkspaceEdit(try server.call("textDocument/rename", params))
        for _ in 0..<Self.renameRounds {
            let unseen = edit.files.keys.filter { server.shown($0) == nil }.sorted()
            if unseen.isEmpty || edit.hasFileOperations { break }
            for path in unseen { try server.show(path) }
            edit = WorkspaceEdit(try server.call("textDocument/rename", params))
        }
        return try edit.apply(below: root, server.program.unit, shown: server.shown)
    }

    private static let renameRounds = 4

    private func diagnostics(_ path: String, _ server: LanguageServer) throws(ToolProgram.Problem) -> String {
        let name = server.program.name
        guard case .found(let found) = try server.diagnostics(path) else {
            return "\(name) said nothing of \(relative(path)) in its time: whether it is right is not known."
        }
        let lines = try FileTools.content(path).byteLines
        guard !found.isEmpty else { return try silence(path, server) }
        let kinds = ["", "error", "warning", "information", "hint"]
        var texts = found.prefix(Self.placeLimit).map { item in
            let start = TextPosition(item["range"]?["start"])
            let severity = item["severity"]?.intValue ?? 1
            let kind = kinds.indices.contains(severity) ? kinds[severity] : "error"
            let column = start.column(
                in: lines.indices.contains(start.line) ? lines[start.line] : "", server.program.unit)
            return "\(relative(path)):\(start.line + 1):\(column): \(kind): "
                + "\((item["message"]?.stringValue ?? "").prefix(500))"
        }
        if found.count > Self.placeLimit { texts.append("[\(found.count - Self.placeLimit) more]") }
        return texts.joined(separator: "\n")
    }

    /// "Nothing wrong" is said only of what was looked at.
    private func silence(_ path: String, _ server: LanguageServer) throws(ToolProgram.Problem) -> String {
        let name = server.program.name
        guard let command = server.program.syntaxCheck else { return "\(name) finds nothing wrong." }
        let bytes = Array(try FileTools.content(path).utf8)
        let outcome = try? Spawn.run(
            Spawn.Command(
                command + [path], environment: servers.environment, workingDirectory: root,
                stdin: .bytes(bytes), stdout: .null, stderr: .capture(limit: 16 << 10),
                timeoutMilliseconds: Self.syntaxMilliseconds))
        let about = "\(name) reports nothing (what it checks depends on its parts that are installed)"
        guard let outcome, !outcome.timedOut else { return "\(about)." }
        guard outcome.status.isSuccess else {
            let words = String(decoding: outcome.stderr, as: UTF8.self).byteLines.suffix(5)
                .joined(separator: "\n")
            return "\(command[0]) does not take \(relative(path)):\n\(words.prefix(2000))"
        }
        return "\(about), and \(command[0]) compiles it."
    }

    private static let syntaxMilliseconds = 10_000

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
        var problems: [String] = []
        for language in wanted {
            do throws(ToolProgram.Problem) {
                let server = try servers.server(language, root: root)
                server.synchronize()
                lines += try symbols(query, server)
            } catch {
                problems.append(error.text)
            }
        }
        // One language's failure is nothing to the others.
        if lines.isEmpty, !problems.isEmpty {
            throw ToolProgram.Problem(problems.joined(separator: "\n"))
        }
        let shown = lines.isEmpty ? ["[no symbol]"] : Array(lines.prefix(Self.placeLimit))
        return (shown + problems.map { "[\($0)]" }).joined(separator: "\n")
    }

    private func symbols(_ query: String, _ server: LanguageServer) throws(ToolProgram.Problem) -> [String] {
        guard server.offers("workspaceSymbolProvider", "workspace/symbol") else {
            return try outline(query, server)
        }
        let answer = try server.call("workspace/symbol", ["query": .string(query)])
        return (answer.arrayValue ?? []).compactMap { symbol in
            guard let location = symbol["location"],
                let path = FileURI.path(location["uri"]?.stringValue ?? "")
            else { return nil }
            return line(symbol, path, TextPosition(location["range"]?["start"]).line)
        }
    }

    /// A server that knows only single files is asked about those that it was shown.
    private func outline(_ query: String, _ server: LanguageServer) throws(ToolProgram.Problem) -> [String] {
        var lines: [String] = []
        let wanted = query.lowercased()
        for path in server.state.withLock({ $0.open.keys.sorted() }) {
            let file: JSON = ["textDocument": ["uri": .string(FileURI.make(path))]]
            var rest = try server.call("textDocument/documentSymbol", file).arrayValue ?? []
            while let symbol = rest.popLast(), lines.count <= Self.placeLimit {
                rest += symbol["children"]?.arrayValue ?? []
                let range = symbol["selectionRange"] ?? symbol["location"]?["range"]
                guard symbol["name"]?.stringValue?.lowercased().contains(wanted) ?? false else { continue }
                lines.append(line(symbol, path, TextPosition(range?["start"]).line))
            }
        }
        lines.append(
            "[\(server.program.name) knows no symbols of a whole directory: these are of the files "
                + "that it was asked about]")
        return lines
    }

    private func line(_ symbol: JSON, _ path: String, _ line: Int) -> String {
        let container = symbol["containerName"]?.stringValue.map { $0.isEmpty ? "" : " in \($0)" } ?? ""
        return "\(relative(path)):\(line + 1): \(symbol["name"]?.stringValue ?? "")\(container)"
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

    private func places(_ found: [(path: String, start: TextPosition)], _ unit: PositionUnit, _ none: String)
        -> String
    {
        guard !found.isEmpty else { return none }
        var texts: [String: [Substring]] = [:]
        var lines = found.prefix(Self.placeLimit).map { place -> String in
            if texts[place.path] == nil {
                texts[place.path] = (try? FileTools.content(place.path))?.byteLines ?? []
            }
            let content = texts[place.path].flatMap { lines in
                lines.indices.contains(place.start.line) ? lines[place.start.line] : nil
            }
            let column = place.start.column(in: content ?? "", unit)
            return "\(relative(place.path)):\(place.start.line + 1):\(column): "
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
