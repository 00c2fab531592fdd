// What decides whether a gate is green: files that say what the tests are, and the tests.
import Kit

/// Rules about the files that a test command reads.
struct GateFiles {
    /// How the repository is tested.
    let command: String

    private let words: Set<String>
    /// A command that may run anything else.
    private let isOpen: Bool

    init(command: String) {
        self.command = command
        let split = command.split { " \t\n;|&()'\"=".contains($0) }.map(String.init)
        words = Set(split.map { $0.hasPrefix("./") ? String($0.dropFirst(2)) : $0 })
        let known = Set(Self.families.flatMap(\.tools)).subtracting(Self.open)
        isOpen = words.isDisjoint(with: known)
    }

    /// Programs that run what a file of the repository says, whatever that is.
    private static let open: Set<String> = ["make", "gmake", "just", "rake", "task", "bazel", "invoke"]

    private struct Family {
        let tools: Set<String>
        let names: Set<String>
        var prefixes: [String] = []
        var suffixes: [String] = []
    }

    private static let families: [Family] = [
        Family(
            tools: ["make", "gmake", "cmake", "ctest", "ninja", "meson"],
            names: [
                "makefile", "gnumakefile", "cmakelists.txt", "cmakepresets.json", "ctestconfig.cmake",
                "meson.build", "configure.ac", "configure", "makefile.am",
            ], suffixes: [".mk", ".cmake"]),
        Family(
            tools: ["npm", "npx", "yarn", "pnpm", "bun", "node", "deno", "jest", "vitest", "mocha", "tsc"],
            names: ["package.json", "deno.json", "deno.jsonc", ".npmrc", "bunfig.toml"],
            prefixes: [
                "jest.config", "vitest.config", "vite.config", ".mocharc", "karma.conf", "playwright.config",
                "cypress.config", "babel.config", ".babelrc", "ava.config", "jest.setup", "vitest.setup",
            ]),
        Family(
            tools: ["python", "python3", "pytest", "tox", "nox", "uv", "poetry", "hatch", "pdm", "unittest"],
            names: [
                "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml", "conftest.py",
                "noxfile.py", ".coveragerc", "setup.py", "sitecustomize.py", "pytest.toml",
            ]),
        Family(tools: ["cargo"], names: ["cargo.toml", "build.rs", "nextest.toml"]),
        Family(tools: ["zig"], names: ["build.zig", "build.zig.zon"]),
        Family(tools: ["swift"], names: ["package.swift"]),
        Family(tools: ["go"], names: ["go.work"]),
        Family(
            tools: ["gradle", "gradlew"],
            names: [
                "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "gradlew",
                "gradle.properties",
            ]),
        Family(tools: ["mvn", "mvnw"], names: ["pom.xml", "mvnw"]),
        Family(
            tools: ["rake", "bundle", "rspec", "ruby"],
            names: ["rakefile", ".rspec", "spec_helper.rb", "test_helper.rb"]),
        Family(
            tools: ["phpunit", "composer", "php"],
            names: ["phpunit.xml", "phpunit.xml.dist", "composer.json", "phpunit.dist.xml"]),
        Family(
            tools: ["dotnet"], names: ["directory.build.props", "directory.build.targets"],
            suffixes: [".runsettings"]),
        Family(tools: ["bazel"], names: ["build", "build.bazel", "workspace", "module.bazel", ".bazelrc"]),
        Family(tools: ["just"], names: ["justfile", ".justfile"]),
        Family(tools: ["task"], names: ["taskfile.yml", "taskfile.yaml"]),
        Family(tools: ["mix"], names: ["mix.exs", "test_helper.exs"]),
        Family(tools: ["sbt"], names: ["build.sbt"]),
        Family(tools: ["stack", "cabal"], names: ["stack.yaml", "package.yaml"], suffixes: [".cabal"]),
        Family(tools: ["dune"], names: ["dune", "dune-project"]),
        Family(tools: ["invoke"], names: ["tasks.py"]),
    ]

    /// Whether a file decides what the command does.
    func decides(_ change: RawChange) -> Bool {
        let name = change.lowerName
        if words.contains(String(decoding: change.path, as: UTF8.self)) { return true }
        return Self.families.contains { family in
            guard isOpen || !family.tools.isDisjoint(with: words) else { return false }
            return family.names.contains(name) || family.prefixes.contains { name.hasPrefix($0) }
                || family.suffixes.contains { name.hasSuffix($0) }
        }
    }

    /// Whether the parts of a file that say what tests are differ. Files that hold much else, as manifests
    /// do, are looked into; of others every byte counts.
    static func differs(_ name: String, _ old: ArraySlice<UInt8>?, _ new: ArraySlice<UInt8>?) -> Bool {
        guard let old, let new else { return true }
        switch name {
        case "package.json", "composer.json", "deno.json": return scripts(old) != scripts(new)
        case "pyproject.toml": return sections(old, Self.isPythonTool) != sections(new, Self.isPythonTool)
        case "cargo.toml": return sections(old, Self.isNoDependency) != sections(new, Self.isNoDependency)
        default: return old != new
        }
    }

    private static let scriptFields = [
        "scripts", "jest", "mocha", "ava", "vitest", "babel", "nyc", "c8", "type", "main", "exports",
        "imports", "tasks", "workspaces",
    ]

    private static func scripts(_ bytes: ArraySlice<UInt8>) -> [String: JSON]? {
        guard let members = (try? JSON.parse(Array(bytes)))?.objectValue else { return nil }
        return members.filter { scriptFields.contains($0.key) }
    }

    private static func isPythonTool(_ header: String) -> Bool {
        let tools = [
            "pytest", "tox", "hatch", "nox", "poe", "pdm", "taskipy", "coverage", "uv", "setuptools",
        ]
        return header.hasPrefix("build-system") || tools.contains { header.hasPrefix("tool.\($0)") }
    }

    private static func isNoDependency(_ header: String) -> Bool {
        !header.contains("dependencies") && !header.hasPrefix("patch") && !header.hasPrefix("replace")
    }

    /// The lines of the sections of a TOML file that matter, each with its header.
    private static func sections(_ bytes: ArraySlice<UInt8>, _ matters: (String) -> Bool) -> [String] {
        var (header, lines) = ("", [String]())
        for line in String(decoding: bytes, as: UTF8.self).byteLines {
            let text = line.filter { $0 != " " && $0 != "\t" && $0 != "\r" && $0 != "\r\n" }
            if text.hasPrefix("["), !text.hasPrefix("[\"") {
                header = String(text.drop { $0 == "[" }.prefix { $0 != "]" }).filter { $0 != "\"" }
            }
            if !text.isEmpty, !text.hasPrefix("#"), matters(header) { lines.append("\(header):\(text)") }
        }
        return lines
    }
}
