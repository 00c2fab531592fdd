// Which servers speak which language. Agents start them, harnesses decide whose answers may come
// from a peer's.

/// What a server counts within a line. The protocol says UTF-16 code units when nothing else was agreed on
/// (LSP 3.17, "Position"); some servers count otherwise all the same.
public enum PositionUnit: Sendable, Hashable {
    case utf16
    case codePoints
}

/// One program that speaks the Language Server Protocol.
public struct LanguageServerProgram: Sendable, Hashable {
    /// The program and its arguments.
    public var command: [String]
    /// One server answers for several clones of a repository as if each were alone: it keeps what it knows of
    /// one folder apart from the others. clangd and sourcekit-lsp do not: they know symbols by name, and two
    /// clones have the same ones, so an answer about one could be a place in the other.
    public var keepsFoldersApart = false
    /// A command that reads the text of a file from its standard input and ends with an error on one that is
    /// not of the language. For servers whose checks are optional parts, which may not be installed.
    public var syntaxCheck: [String]?

    /// jedi counts as Python does, and the servers that are made of it pass that on: seen with pylsp 1.7.1
    /// and 1.15.0 and jedi-language-server 0.47.0.
    public var unit = PositionUnit.utf16

    /// Settings by section, for a server that asks its editor (LSP 3.17, "workspace/configuration").
    public var settings: [String: JSON]

    public init(
        _ command: [String], keepsFoldersApart: Bool = false, syntaxCheck: [String]? = nil,
        unit: PositionUnit = .utf16, settings: [String: JSON] = [:]
    ) {
        (self.command, self.unit, self.settings) = (command, unit, settings)
        (self.keepsFoldersApart, self.syntaxCheck) = (keepsFoldersApart, syntaxCheck)
    }

    /// The program without arguments.
    public var name: String { command.first ?? "" }
}

/// A language and the servers that know it, the best first.
public struct Language: Sendable, Hashable {
    public var id: String
    public var extensions: Set<String>
    public var servers: [LanguageServerProgram]

    /// Names another server than the first that is installed: `python=ty server;go=gopls`.
    public static let choiceVariable = "OPENCLAW_LANGUAGE_SERVERS"

    /// The value of that variable for commands by language.
    public static func choice(_ commands: [String: [String]]) -> String {
        commands.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.joined(separator: " "))" }
            .joined(separator: ";")
    }

    private static let compilePython = [
        "python3", "-c",
        "import sys; compile(sys.stdin.buffer.read(), sys.argv[1], 'exec', dont_inherit=True)",
    ]

    public static let all = [
        Language(
            id: "cpp", extensions: ["c", "h", "cc", "cpp", "cxx", "hh", "hpp", "m"],
            servers: [.init(["clangd", "--log=error", "--background-index=false"])]),
        Language(
            id: "python", extensions: ["py", "pyi"],
            servers: [
                .init(["basedpyright-langserver", "--stdio"]), .init(["pyright-langserver", "--stdio"]),
                .init(["ty", "server"]),
                // Without a configuration file of its own in the project it shows few errors
                // (1.5.0: not even an import that fails), and an empty list would read as "nothing wrong".
                .init(
                    ["pyrefly", "lsp"], settings: ["python": ["pyrefly": ["displayTypeErrors": "force-on"]]]),
                .init(["pylsp"], keepsFoldersApart: true, syntaxCheck: compilePython, unit: .codePoints),
                .init(["jedi-language-server"], syntaxCheck: compilePython, unit: .codePoints),
            ]),
        Language(
            id: "typescript", extensions: ["ts", "tsx", "js", "jsx", "mjs", "cjs"],
            servers: [.init(["typescript-language-server", "--stdio"])]),
        Language(id: "swift", extensions: ["swift"], servers: [.init(["sourcekit-lsp"])]),
        Language(id: "go", extensions: ["go"], servers: [.init(["gopls"])]),
        Language(id: "rust", extensions: ["rs"], servers: [.init(["rust-analyzer"])]),
        Language(id: "java", extensions: ["java"], servers: [.init(["jdtls"])]),
        Language(id: "zig", extensions: ["zig"], servers: [.init(["zls"])]),
        Language(
            id: "shellscript", extensions: ["sh", "bash"],
            servers: [.init(["bash-language-server", "start"])]),
        Language(id: "toml", extensions: ["toml"], servers: [.init(["tombi", "lsp"])]),
    ]

    /// The language of a file; nil when no server is known for it.
    public static func of(_ path: String) -> Language? {
        guard let name = path.split(separator: "/").last, let dot = name.lastIndex(of: ".") else {
            return nil
        }
        return all.first { $0.extensions.contains(name[name.index(after: dot)...].lowercased()) }
    }

    /// The server to use: what the environment names for this language, else the first that is installed.
    /// - Parameters:
    ///   - environment: Of the guest's tools.
    ///   - isInstalled: Whether a program's name leads to a program there.
    /// - Returns: Nil when none of them is installed.
    public func server(environment: [String: String], isInstalled: (String) -> Bool) -> LanguageServerProgram?
    {
        for choice in (environment[Self.choiceVariable] ?? "").split(separator: ";") {
            let parts = choice.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0].filter({ $0 != " " }) == id else { continue }
            let command = parts[1].split(separator: " ").map(String.init)
            guard let name = command.first, isInstalled(name) else { continue }
            // What is known of the program holds with other arguments too.
            var program = servers.first { $0.name == name } ?? LanguageServerProgram(command)
            program.command = command
            return program
        }
        return servers.first { isInstalled($0.name) }
    }

    /// The language's name for one file, as the protocol has them.
    public func identifier(of path: String) -> String {
        if id == "cpp", path.hasSuffix(".c") { return "c" }
        if id == "typescript", path.hasSuffix("js") || path.hasSuffix(".jsx") { return "javascript" }
        return id
    }
}
