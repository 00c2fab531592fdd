// Words of models and strangers on their way into commit messages and pull requests, where words do things.

/// Makes a text one line that does nothing: on the forges it notifies nobody, closes and links nothing, skips
/// no check, signs for nobody; on a screen it is what it seems.
///
/// What does something is broken by a visible character, not by an invisible one: a person sees it, and text
/// that is copied stays harmless.
public enum HarmlessText {
    /// The longest subject of a commit or title of a pull request, in Unicode scalars.
    public static let subjectLimit = 100

    /// The subject of a commit, or the title of a pull request: the first line that says anything.
    /// - Parameter fallback: For a text that has none.
    public static func subject(_ text: String, fallback: String = "Change the code") -> String {
        for line in text.unicodeScalars.split(whereSeparator: isLineEnd) {
            var words = Array(plain(String(String.UnicodeScalarView(line))).unicodeScalars)
            // A line that begins with this is a comment to git's editor.
            while let first = words.first, "#/ ".unicodeScalars.contains(first) { words.removeFirst() }
            for prefix in ["fixup! ", "squash! ", "amend! "] where starts(words, with: prefix) {
                // Git would melt it into an older commit.
                words.remove(at: prefix.unicodeScalars.count - 2)
            }
            guard !words.isEmpty else { continue }
            if words.count > subjectLimit { words = words.prefix(subjectLimit - 1) + ["…"] }
            return string(words)
        }
        return fallback
    }

    /// One line of Markdown, as a forge renders it: everything that means something there is escaped.
    public static func markdown(_ text: String) -> String {
        var output = ""
        for (index, scalar) in plain(text).unicodeScalars.enumerated() {
            switch scalar {
            case "&": output += "&amp;"
            case "<": output += "&lt;"
            case ">": output += "&gt;"
            // A line that begins with it is a command to the forge, with the rights of who sends it.
            case "/" where index == 0: output += "\\/"
            case "\\", "`", "*", "_", "{", "}", "[", "]", "(", ")", "#", "+", "-", ".", "!", "|", "~", "$":
                output += "\\\(scalar)"
            default: output.unicodeScalars.append(scalar)
            }
        }
        return output
    }

    /// A command or a name as code in a line of Markdown. In a table no `|` may stand in it.
    public static func code(_ text: String) -> String {
        let text = plain(text)
        var (longest, current) = (0, 0)
        for scalar in text.unicodeScalars {
            current = scalar == "`" ? current + 1 : 0
            longest = max(longest, current)
        }
        let fence = String(repeating: "`", count: longest + 1)
        let pad = text.hasPrefix("`") || text.hasSuffix("`") || text.isEmpty ? " " : ""
        return fence + pad + text + pad + fence
    }

    /// One line without what does something.
    public static func plain(_ text: String) -> String {
        var scalars = visible(text)
        breakReferences(&scalars)
        breakSkipWords(&scalars)
        breakTrailers(&scalars)
        return string(scalars)
    }

    private static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    private static func isLineEnd(_ scalar: Unicode.Scalar) -> Bool {
        [0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029].contains(scalar.value)
    }

    // MARK: Characters

    /// Without what cannot be seen: controls, the bidirectional ones (Unicode TR 36), spaces without width,
    /// fillers, tags. Space of any kind and length is one space.
    private static func visible(_ text: String) -> [Unicode.Scalar] {
        var output: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars {
            if isLineEnd(scalar) || scalar.properties.isWhitespace {
                if let last = output.last, last != " " { output.append(" ") }
            } else if !isInvisible(scalar) {
                output.append(scalar)
            }
        }
        if output.last == " " { output.removeLast() }
        return output
    }

    /// True for what stands in a text and is not seen, or changes how its neighbours are.
    public static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
            true
        default:
            // Fillers of Hangul and Braille, and the joiner of graphemes.
            [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0].contains(scalar.value)
        }
    }

    private static func isWord(_ scalar: Unicode.Scalar?) -> Bool {
        guard let scalar else { return false }
        return scalar.properties.isAlphabetic || scalar.properties.numericType != nil || scalar == "_"
    }

    private static func lower(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        string(
            scalars.map {
                $0.isASCII && (0x41...0x5A).contains($0.value) ? Unicode.Scalar(UInt8($0.value) + 32) : $0
            })
    }

    private static func starts(_ scalars: [Unicode.Scalar], at index: Int = 0, with text: String) -> Bool {
        let count = text.unicodeScalars.count
        return scalars.count - index >= count && lower(scalars[index..<index + count]) == text
    }

    // MARK: What forges act on

    /// Mentions (`@name`), references (`#12`, `!12`, `GH-12`, `group/project#12`, `AB#12`) and addresses get
    /// a space in the middle.
    private static func breakReferences(_ scalars: inout [Unicode.Scalar]) {
        var output: [Unicode.Scalar] = []
        for (index, scalar) in scalars.enumerated() {
            let next = index + 1 < scalars.count ? scalars[index + 1] : nil
            let before = index > 0 ? scalars[index - 1] : nil
            output.append(scalar)
            switch scalar {
            case "@", "#": if isWord(next) || next == "[" { output.append(" ") }
            case "!": if next?.properties.numericType != nil { output.append(" ") }
            case "/": if before == "/", index > 1, scalars[index - 2] == ":" { output.append(" ") }
            case ".": if index >= 3, starts(scalars, at: index - 3, with: "www") { output.append(" ") }
            case "-":
                if index >= 2, starts(scalars, at: index - 2, with: "gh"),
                    next?.properties.numericType != nil,
                    !isWord(index > 2 ? scalars[index - 3] : nil)
                {
                    output[output.count - 1] = " "
                }
            default: break
            }
        }
        scalars = output
    }

    private static let skipping: Set<String> = ["skip", "skipped", "no", "none", "nobuild"]
    private static let skipped: Set<String> = [
        "ci", "cd", "checks", "check", "actions", "action", "build", "builds", "pipeline", "pipelines",
        "test",
        "tests", "deploy",
    ]

    /// `[skip ci]` and its kin of all services lose their brackets, `***NO_CI***` its stars, and
    /// `--skip-ci`, `skip-checks` their hyphens.
    private static func breakSkipWords(_ scalars: inout [Unicode.Scalar]) {
        var index = 0
        while index < scalars.count {
            if scalars[index] == "[", let end = scalars[index...].firstIndex(of: "]") {
                let words = lower(scalars[index + 1..<end]).split { !$0.isLetter }.map(String.init)
                if words.contains(where: skipping.contains) {
                    // Those within it, too: a service may begin to read at any of them.
                    for place in index..<end where scalars[place] == "[" { scalars[place] = "(" }
                    scalars[end] = ")"
                }
            }
            index += 1
        }
        // Words that hang together.
        var start: Int?
        for index in 0...scalars.count {
            let scalar = index < scalars.count ? scalars[index] : " "
            if isWord(scalar) && scalar != "_" || "-_*".unicodeScalars.contains(scalar) {
                start = start ?? index
                continue
            }
            defer { start = nil }
            guard let from = start else { continue }
            let words = Set(lower(scalars[from..<index]).split { !$0.isLetter }.map(String.init))
            guard !words.isDisjoint(with: skipping), !words.isDisjoint(with: skipped) else { continue }
            for place in from..<index where "-_*".unicodeScalars.contains(scalars[place]) {
                scalars[place] = " "
            }
        }
        scalars = visible(string(scalars))
    }

    private static let trailers: Set<String> = [
        "cc", "change-id", "skip-checks", "fixes", "closes", "resolves", "refs", "ref", "bug", "issue",
        "git-dir", "reviewed-on", "github-pull-request", "merge-request",
    ]

    /// `Signed-off-by: …` and other lines that speak for somebody lose their colon.
    private static func breakTrailers(_ scalars: inout [Unicode.Scalar]) {
        for index in scalars.indices where scalars[index] == ":" {
            let start = scalars[..<index].lastIndex { !isWord($0) && $0 != "-" }.map { $0 + 1 } ?? 0
            let name = lower(scalars[start..<index])
            if name.hasSuffix("-by") || name.hasPrefix("openclaw-") || trailers.contains(name) {
                scalars[index] = ","
            }
        }
    }
}
