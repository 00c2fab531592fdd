import Kit

/// Finds out how a repository is tested, from the files that say so.
public enum TestCommand {
    /// The command of a tree; nil when nothing says how. The first that fits: package.json, Makefile, Python,
    /// Go, Cargo, Swift.
    public static func detect(in repository: SessionRepository, tree: String) throws(DeliveryError) -> String?
    {
        let names = Set(try repository.topLevel(of: tree))
        var texts: [String: String] = [:]
        for name in ["package.json", "Makefile", "makefile", "GNUmakefile", "pyproject.toml", "setup.cfg"]
        where names.contains(name) {
            let bytes = try repository.file(name, in: tree, limitBytes: Limits.projectFileBytes)
            texts[name] = bytes.map { String(decoding: $0, as: UTF8.self) }
        }
        var testFiles: [String] = []
        for folder in ["tests/", "test/"] where names.contains(folder) {
            // What comes after the first colon is a path.
            let mark = tree.contains(":") ? "/" : ":"
            testFiles += try repository.topLevel(of: "\(tree)\(mark)\(folder.dropLast())")
        }
        return detect(names: names, texts: texts, testFiles: testFiles)
    }

    /// The decision alone.
    /// - Parameters:
    ///   - names: At the top of the tree; directories end with a slash.
    ///   - texts: Of the files that are read.
    ///   - testFiles: What is in `tests/` and `test/`.
    static func detect(names: Set<String>, texts: [String: String], testFiles: [String]) -> String? {
        if let text = texts["package.json"],
            let script = try? JSON.parse(text)["scripts"]?["test"]?.stringValue,
            // What `npm init` writes only fails.
            !script.isEmpty, !script.contains("no test specified")
        {
            return "npm test"
        }
        for name in ["GNUmakefile", "makefile", "Makefile"] {
            if let text = texts[name], hasTestTarget(text) { return "make test" }
        }
        if let python = python(names, texts, testFiles) { return python }
        if names.contains("go.mod") { return "go test ./..." }
        if names.contains("Cargo.toml") { return "cargo test" }
        if names.contains("Package.swift") { return "swift test" }
        return nil
    }

    private static func hasTestTarget(_ makefile: String) -> Bool {
        makefile.byteLines.contains { line in
            guard let colon = line.firstIndex(of: ":"), !line.hasPrefix("\t"), !line.hasPrefix("#") else {
                return false
            }
            // `test := x` is a variable.
            return !line[colon...].hasPrefix(":=") && !line[colon...].hasPrefix("::=")
                && line[..<colon].split(separator: " ").contains("test")
        }
    }

    private static func python(_ names: Set<String>, _ texts: [String: String], _ testFiles: [String])
        -> String?
    {
        let isTest = { (name: String) in
            name.hasSuffix(".py") && (name.hasPrefix("test_") || name.hasSuffix("_test.py"))
        }
        let usesPytest =
            names.contains("pytest.ini") || names.contains("conftest.py") || testFiles.contains("conftest.py")
            || texts["pyproject.toml"]?.contains("pytest") == true
            || texts["setup.cfg"]?.contains("[tool:pytest]") == true
        let hasTests = testFiles.contains(where: isTest) || names.contains(where: isTest)
        if usesPytest && (hasTests || !testFiles.isEmpty) || hasTests && names.contains("pyproject.toml") {
            return "python3 -m pytest -q"
        }
        guard hasTests else { return nil }
        // Without a sign of pytest the standard library's runner is the one that is surely there.
        let folder = ["tests/", "test/"].first { names.contains($0) && testFiles.contains(where: isTest) }
        return folder.map { "python3 -m unittest discover -s \($0.dropLast())" }
            ?? "python3 -m unittest discover"
    }
}
