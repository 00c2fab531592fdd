// Rules about single entries of a change, by name and mode; nothing is read here.
import Kit

enum ChangeRules {
    /// What a path, its modes and its kinds say.
    static func items(_ change: RawChange) -> [ChangeItem] {
        let path = ShownText.path(change.path)
        var items: [ChangeItem] = []
        // What attributes say is told line by line.
        if change.lowerName != ".gitattributes", let found = ProtectedPath.find(change.path) {
            items.append(ChangeItem(.protectedPath, path: path, "\(verb(change)); \(found.meaning)"))
        }
        items += modes(change, path)
        if !change.isDeleted { items += names(change, path) }
        return items
    }

    private static func verb(_ change: RawChange) -> String {
        change.isAdded ? "new" : change.isDeleted ? "removed" : "changed"
    }

    private static func modes(_ change: RawChange, _ path: String) -> [ChangeItem] {
        if change.isSubmodule {
            let words =
                change.newMode != RawChange.submodule
                ? "the submodule at \(change.oldID.prefix(12)) is removed"
                : change.oldMode == RawChange.submodule
                    ? "the submodule moves from \(change.oldID.prefix(12)) to \(change.newID.prefix(12))"
                    : "a submodule at \(change.newID.prefix(12)), whose files are not part of this change"
            return [ChangeItem(.submodule, path: path, words)]
        }
        guard !change.isDeleted else { return [] }
        if change.isAdded {
            return change.newMode == RawChange.executable
                ? [ChangeItem(.mode, path: path, "new, and executable")] : []
        }
        guard change.oldMode != change.newMode else { return [] }
        return [ChangeItem(.mode, path: path, modeWords(change.oldMode, change.newMode))]
    }

    /// `mode 644 → 755`, or what it was and is.
    static func modeWords(_ old: UInt32, _ new: UInt32) -> String {
        func word(_ mode: UInt32) -> String {
            switch mode {
            case RawChange.link: "a link"
            case RawChange.submodule: "a submodule"
            default: String(mode & 0o777, radix: 8)
            }
        }
        return "mode \(word(old)) → \(word(new))"
    }

    private static func names(_ change: RawChange, _ path: String) -> [ChangeItem] {
        guard let text = String(validating: change.path, as: UTF8.self) else {
            return [ChangeItem(.name, path: path, "the name is not UTF-8")]
        }
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            let isControl = ShownText.isControl(scalar) || scalar == "\n" || scalar == "\t"
            if isControl || ShownText.hides(scalar, after: previous) {
                return [ChangeItem(.name, path: path, "\(ShownText.mark(scalar)) is in the name")]
            }
            previous = scalar
        }
        if text.contains("\\") {
            return [ChangeItem(.name, path: path, "a backslash is in the name; on Windows it is a directory")]
        }
        return []
    }

    /// The directory of build products that a path is in, or the product itself; nil for a source.
    static func product(_ path: [UInt8]) -> String? {
        let parts = path.split(separator: 0x2F).map { String(decoding: $0, as: UTF8.self) }
        if let index = parts.firstIndex(where: { productDirectories.contains($0) }), index < parts.count - 1 {
            return parts[...index].joined(separator: "/") + "/"
        }
        guard let name = parts.last, let dot = name.lastIndex(of: "."), dot != name.startIndex else {
            return nil
        }
        return productEndings.contains(name[name.index(after: dot)...].lowercased())
            ? parts.joined(separator: "/") : nil
    }

    private static let productDirectories: Set<String> = [
        "__pycache__", "node_modules", ".venv", "venv", ".tox", ".nox", ".pytest_cache", ".mypy_cache",
        ".ruff_cache", ".gradle", ".build", "target", "dist", "build", ".next", ".nuxt", ".svelte-kit",
        "bower_components", ".terraform", "CMakeFiles", ".zig-cache", "zig-out", ".eggs", "htmlcov",
        "coverage", ".nyc_output", "bazel-bin", "bazel-out", "_build", ".dart_tool", ".stack-work",
        "DerivedData", "elm-stuff", "site-packages", ".cache",
    ]
    private static let productEndings: Set<String> = [
        "pyc", "pyo", "o", "obj", "a", "lib", "so", "dylib", "dll", "exe", "class", "jar", "war", "pdb",
        "gcda",
        "gcno", "profraw", "swiftmodule", "rlib", "rmeta", "tsbuildinfo", "whl", "egg", "beam", "hi", "log",
    ]

    /// Where a link leads, from its place in the tree: nil inside, else why it is outside.
    static func leaves(_ target: [UInt8], from path: [UInt8]) -> String? {
        if target.isEmpty { return "it leads nowhere" }
        if target.first == 0x2F { return "it leaves the tree" }
        var depth = path.split(separator: 0x2F).count - 1
        let parts = target.split(separator: 0x2F)
        for part in parts {
            if part.elementsEqual([0x2E]) { continue }
            depth += part.elementsEqual([0x2E, 0x2E]) ? -1 : 1
            if depth < 0 { return "it leaves the tree" }
        }
        let isGit = parts.contains { String(decoding: $0, as: UTF8.self).lowercased() == ".git" }
        return isGit ? "it leads into git's own files" : nil
    }

    /// The form of a program that is no text; nil for other content.
    static func program(_ bytes: ArraySlice<UInt8>) -> String? {
        let magic: [([UInt8], String)] = [
            ([0x7F, 0x45, 0x4C, 0x46], "an ELF program"), ([0xFE, 0xED, 0xFA, 0xCE], "a Mach-O program"),
            ([0xFE, 0xED, 0xFA, 0xCF], "a Mach-O program"), ([0xCF, 0xFA, 0xED, 0xFE], "a Mach-O program"),
            ([0xCE, 0xFA, 0xED, 0xFE], "a Mach-O program"),
            ([0xCA, 0xFE, 0xBA, 0xBE], "a Java class or a Mach-O program"),
            ([0x00, 0x61, 0x73, 0x6D], "a WebAssembly program"),
        ]
        if let found = magic.first(where: { bytes.starts(with: $0.0) }) { return found.1 }
        // MZ, and the PE header where it says.
        guard bytes.starts(with: [0x4D, 0x5A]), bytes.count > 0x40 else { return nil }
        let start = bytes.startIndex
        let at = Int(bytes[start + 0x3C]) | Int(bytes[start + 0x3D]) << 8
        guard start + at + 2 < bytes.endIndex else { return nil }
        return bytes[(start + at)...].starts(with: [0x50, 0x45]) ? "a Windows program" : nil
    }

    /// Endings of texts that somebody reads and something runs: a NUL in one is no accident.
    static let sourceEndings: Set<String> = [
        "py", "js", "ts", "jsx", "tsx", "mjs", "cjs", "c", "h", "cc", "cpp", "hpp", "rs", "go", "swift",
        "java",
        "kt", "rb", "php", "sh", "bash", "pl", "lua", "cs", "scala", "zig", "sql", "yml", "yaml", "json",
        "toml",
        "ini", "cfg", "md", "txt", "html", "css", "xml", "mk", "cmake", "gradle", "ex", "exs", "erl", "hs",
        "ml",
        "vue", "svelte", "tf", "r", "m", "mm", "dart", "bat", "ps1", "csv", "rst",
    ]

    static func isSource(_ change: RawChange) -> Bool {
        let name = change.lowerName
        guard let dot = name.lastIndex(of: ".") else {
            return ["makefile", "dockerfile", "rakefile", "gemfile", "jenkinsfile"].contains(name)
        }
        return sourceEndings.contains(String(name[name.index(after: dot)...]))
    }
}
