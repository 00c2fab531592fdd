import Glibc
import Kit
import System

/// glob and grep.
enum SearchTools {
    private static let fileLimit = 100_000
    private static let resultLimit = 500
    private static let fileBytes = 4 << 20
    private static let lineColumns = 400

    /// When a search gives what it has: a little before its caller stops waiting.
    private static let milliseconds = ToolTime.files.longest - 5000

    /// On the monotonic clock.
    private static func deadline() -> Int64 {
        Clock.monotonicNanoseconds() + Int64(milliseconds) * 1_000_000
    }

    private static let unfinished =
        "\n[stopped after \(milliseconds / 1000) s, before all of it was searched; narrow "
        + "path, glob or pattern]"

    /// All files below a directory, as paths relative to it; `.git` is nobody's business here.
    static func files(below root: String, until deadline: Int64 = .max) -> [String] {
        var found: [String] = []
        var pending = [""]
        while let directory = pending.popLast(), found.count < fileLimit,
            Clock.monotonicNanoseconds() < deadline
        {
            let place = directory.isEmpty ? root : "\(root)/\(directory)"
            for name in ((try? Files.list(place)) ?? []).sorted() where name != ".git" {
                let relative = directory.isEmpty ? name : "\(directory)/\(name)"
                guard let status = try? Files.status("\(root)/\(relative)", followLinks: false) else {
                    continue
                }
                if status.isDirectory {
                    pending.append(relative)
                } else if status.mode & S_IFMT == S_IFREG {
                    found.append(relative)
                }
            }
        }
        return found
    }

    static func glob(_ input: JSON) throws(ToolProgram.Problem) -> String {
        let pattern = try ToolProgram.text(input, "pattern")
        let root = input["path"]?.stringValue ?? "."
        let status = try ToolRoots.perform("look into \(root)") { () throws(SystemError) in
            try ToolRoots.readable.status(root)
        }
        guard status.isDirectory else { throw ToolProgram.Problem("\(root) is no directory.") }
        let deadline = deadline()
        let matches = files(below: root, until: deadline).filter { PathPattern.matches($0, pattern) }
        let end = Clock.monotonicNanoseconds() < deadline ? "" : unfinished
        let dated = matches.map { ($0, (try? Files.status("\(root)/\($0)").modifiedNanoseconds) ?? 0) }
        let sorted = dated.sorted { $0.1 == $1.1 ? $0.0 < $1.0 : $0.1 > $1.1 }.map(\.0)
        guard !sorted.isEmpty else { return "[no file matches \(pattern)]" + end }
        let more = sorted.count > resultLimit ? "\n[\(sorted.count - resultLimit) more]" : ""
        return sorted.prefix(resultLimit).joined(separator: "\n") + more + end
    }

    static func grep(_ input: JSON) throws(ToolProgram.Problem) -> String {
        let pattern = try Expression(
            try ToolProgram.text(input, "pattern"), ignoresCase: input["-i"]?.boolValue == true)
        let root = input["path"]?.stringValue ?? "."
        let roots = ToolRoots.readable
        let status = try ToolRoots.perform("search \(root)") { () throws(SystemError) in
            try roots.status(root)
        }
        let deadline = deadline()
        let paths: [String]
        if status.isDirectory {
            let glob = input["glob"]?.stringValue
            paths = files(below: root, until: deadline)
                .filter { path in glob.map { PathPattern.matches(path, $0) } ?? true }.sorted()
                .map { root == "." ? $0 : "\(root)/\($0)" }
        } else {
            paths = [root]
        }
        var lines: [String] = []
        for path in paths {
            guard Clock.monotonicNanoseconds() < deadline else { break }
            guard let size = try? roots.status(path).size, size <= Int64(fileBytes),
                let bytes = try? roots.read(path, limit: fileBytes), !bytes.prefix(8192).contains(0)
            else { continue }
            for (number, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated()
            {
                let text = String(decoding: line, as: UTF8.self)
                guard pattern.matches(text) else { continue }
                lines.append("\(path):\(number + 1):\(text.prefix(lineColumns))")
                if lines.count >= resultLimit {
                    return lines.joined(separator: "\n") + "\n[more; narrow the search]"
                }
            }
        }
        let end = Clock.monotonicNanoseconds() < deadline ? "" : unfinished
        return (lines.isEmpty ? "[nothing found]" : lines.joined(separator: "\n")) + end
    }

    /// A POSIX extended regular expression. Linux: regex(3)
    private final class Expression {
        private let compiled = UnsafeMutablePointer<regex_t>.allocate(capacity: 1)
        private var isCompiled = false

        init(_ pattern: String, ignoresCase: Bool) throws(ToolProgram.Problem) {
            compiled.initialize(to: regex_t())
            let code = regcomp(compiled, pattern, REG_EXTENDED | REG_NOSUB | (ignoresCase ? REG_ICASE : 0))
            guard code == 0 else {
                var text = [CChar](repeating: 0, count: 200)
                regerror(code, compiled, &text, text.count)
                let words = String(
                    decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                throw ToolProgram.Problem("The pattern is no regular expression: \(words)")
            }
            isCompiled = true
        }

        deinit {
            // Runs after a failed init, too.
            if isCompiled { regfree(compiled) }
            compiled.deallocate()
        }

        func matches(_ text: String) -> Bool { regexec(compiled, text, 0, nil, 0) == 0 }
    }
}

/// Globs over paths: `*` and `?` within a directory, `**` across them. A pattern without a slash matches
/// names.
enum PathPattern {
    static func matches(_ path: String, _ pattern: String) -> Bool {
        guard pattern.contains("/") else {
            return fnmatch(pattern, Files.name(of: path), 0) == 0
        }
        let parts = path.split(separator: "/").map(String.init)
        let wanted = pattern.split(separator: "/").map(String.init).filter { $0 != "." }
        return match(parts[...], wanted[...], budget: 10_000) ?? false
    }

    /// Nil when the budget is used up: a hostile pattern matches nothing.
    private static func match(_ path: ArraySlice<String>, _ pattern: ArraySlice<String>, budget: Int) -> Bool?
    {
        var budget = budget
        func step(_ path: ArraySlice<String>, _ pattern: ArraySlice<String>) -> Bool {
            budget -= 1
            guard budget > 0 else { return false }
            guard let first = pattern.first else { return path.isEmpty }
            if first == "**" {
                return step(path, pattern.dropFirst()) || (!path.isEmpty && step(path.dropFirst(), pattern))
            }
            guard let name = path.first, fnmatch(first, name, 0) == 0 else { return false }
            return step(path.dropFirst(), pattern.dropFirst())
        }
        let result = step(path, pattern)
        return budget > 0 ? result : nil
    }
}
