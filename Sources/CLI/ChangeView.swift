// A change at the terminal: what a diff cannot show first, then the files, then the patch.
import Kit
import Service
import System

/// The answer of `GET /v1/sessions/ID/diff` in lines.
struct ChangeView {
    private let change: JSON
    private let terminal: Terminal

    init(_ change: JSON, _ terminal: Terminal) { (self.change, self.terminal) = (change, terminal) }

    /// The tree that is shown.
    var tree: String? { change["tree"]?.stringValue }

    private var files: [JSON] { change["statistics"]?["files"]?.arrayValue ?? [] }

    // MARK: The list

    /// What stands before everything else; nothing when there is nothing to say.
    var attention: [String] { Self.attention(change["inspection"], terminal) }

    /// - Parameter inspection: As `change.inspected` has it. What cannot be read is said, too.
    static func attention(_ inspection: JSON?, _ terminal: Terminal) -> [String] {
        let list = try? JSONCoding.decode(ChangeInspection.self, from: inspection ?? .null)
        guard let list else { return [terminal.bad("  what the diff cannot show is not known")] }
        guard !list.items.isEmpty else { return [] }
        let blocking = list.items.count { $0.isBlocking } + (list.omittedBlocking ?? 0)
        let head =
            blocking == 0
            ? "before you read the diff:"
            : "before you read the diff (\(blocking) \(blocking == 1 ? "needs" : "need") a person):"
        let width = list.items.map { $0.kind.rawValue.count }.max() ?? 0
        let rows = list.items.map { item -> String in
            let kind = item.kind.rawValue + String(repeating: " ", count: width - item.kind.rawValue.count)
            let allowed = item.allowedBy.map { " (allowed by \(Terminal.harmless($0)))" } ?? ""
            let line = "\(kind)  \(Terminal.harmless(item.sentence))\(allowed)"
            return item.isBlocking ? "  ! " + terminal.attention(line) : "    " + line
        }
        let more = (list.omitted ?? [:]).sorted { $0.key < $1.key }.map { "    \($0.key): \($0.value) more" }
        return ["  " + terminal.bold(head)] + rows + more
    }

    // MARK: Files and lines

    /// One line a file.
    var fileLines: [String] {
        files.map { file in
            let path = Terminal.harmless(file["path"]?.stringValue ?? "")
            let note = Terminal.harmless(file["note"]?.stringValue ?? "")
            var words: [String] = []
            if let added = file["added"]?.intValue, let removed = file["removed"]?.intValue {
                // A change of mode alone, or a link, has no lines worth counting.
                if added + removed > 0 || note.isEmpty { words.append("+\(added) -\(removed)") }
            }
            if !note.isEmpty { words.append(note) }
            return "  \(path)  \(words.joined(separator: ", "))"
        }
    }

    /// The patch with colours. A carriage return is a sign of its own: what it hides is not hidden here.
    var patchLines: [String] {
        let patch = change["patch"]?.stringValue ?? ""
        var lines = patch.byteLines
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { line in
            let text = Terminal.harmless(String(line), keepsReturns: true)
            let isAdded = line.utf8.first == UInt8(ascii: "+") && !line.hasPrefix("+++ ")
            let isRemoved = line.utf8.first == UInt8(ascii: "-") && !line.hasPrefix("--- ")
            return isAdded ? terminal.good(text) : isRemoved ? terminal.bad(text) : text
        }
    }

    /// What is not in the patch, when it was cut.
    var cutLines: [String] {
        guard change["truncated"]?.boolValue == true else { return [] }
        let missing = files.filter { $0["shown"]?.boolValue == false }
        let names = missing.prefix(Self.namedFiles).map {
            "  " + Terminal.harmless($0["path"]?.stringValue ?? "")
        }
        let more = missing.count - names.count
        return [
            "openclaw: the patch is cut; "
                + "\(Show.count(missing.count, "file is", "files are")) not shown, or not whole:"
        ] + names + (more > 0 ? ["  and \(more) more"] : [])
            + ["  git diff \(range) shows all of it, in the session's repository"]
    }

    private static let namedFiles = 100

    private var range: String {
        let (base, head) = (change["base"]?.stringValue ?? "", change["head"]?.stringValue ?? "")
        return Terminal.harmless("\(base.prefix(12))..\(head.prefix(12))")
    }
}

/// Which result this user looked at last, in each session: an approval without a tree is of that one.
struct SeenChange {
    private let path: String

    init(_ home: Home, session: String) { path = "\(home.session(session))/seen" }

    /// Nothing is remembered of a session whose directory is gone.
    func remember(_ tree: String, commit: String) {
        do throws(SystemError) {
            try Files.writeAtomically(path, Array("\(tree) \(commit)\n".utf8), mode: 0o600)
        } catch {
            Terminal.note(
                "openclaw: it could not be noted that you saw this (\(error)); approve it with --tree \(tree)"
            )
        }
    }

    /// The tree and commit; nil when nobody has looked, or it cannot be told.
    var last: (tree: String, commit: String)? {
        let words = (try? Files.readText(path, limit: 256))?.split { $0 == " " || $0 == "\n" }
        guard let words, words.count == 2 else { return nil }
        return (String(words[0]), String(words[1]))
    }

    /// The tree that an approval is of: the one that waits, when it is the one that was seen.
    func approved(_ id: String, _ waiting: JSON) throws(CLIError) -> String {
        let (tree, commit) = (waiting["tree"]?.stringValue ?? "", waiting["commit"]?.stringValue ?? "")
        let next = "look at it with openclaw diff \(id), then approve; or name what you mean: --tree \(tree)"
        guard let last else {
            throw CLIError(.failed, "you have not looked at the change of \(id)", hint: next)
        }
        guard last.tree == tree, last.commit == commit else {
            let words =
                last.tree == tree
                ? "its commits are others now"
                : "you saw tree \(last.tree.prefix(12)), \(tree.prefix(12)) waits"
            throw CLIError(.failed, "the result has changed since you looked: \(words)", hint: next)
        }
        return tree
    }
}
