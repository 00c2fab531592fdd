// Which server speaks which language. Agents start them, harnesses decide whose answers may come
// from a peer's.

/// A language and its server.
public struct Language: Sendable, Hashable {
    public var id: String
    public var extensions: Set<String>
    public var command: [String]
    /// One server answers for several clones of a repository as if each were alone: it keeps what it knows of
    /// one folder apart from the others. clangd and sourcekit-lsp do not: they know symbols by name, and two
    /// clones have the same ones, so an answer about one could be a place in the other.
    public var keepsFoldersApart = false

    public static let all = [
        Language(
            id: "cpp", extensions: ["c", "h", "cc", "cpp", "cxx", "hh", "hpp", "m"],
            command: ["clangd", "--log=error", "--background-index=false"]),
        Language(id: "python", extensions: ["py", "pyi"], command: ["pylsp"], keepsFoldersApart: true),
        Language(
            id: "typescript", extensions: ["ts", "tsx", "js", "jsx", "mjs", "cjs"],
            command: ["typescript-language-server", "--stdio"]),
        Language(id: "swift", extensions: ["swift"], command: ["sourcekit-lsp"]),
    ]

    /// The language of a file; nil when no server is known for it.
    public static func of(_ path: String) -> Language? {
        guard let name = path.split(separator: "/").last, let dot = name.lastIndex(of: ".") else {
            return nil
        }
        return all.first { $0.extensions.contains(name[name.index(after: dot)...].lowercased()) }
    }

    /// The language's name for one file, as the protocol has them.
    public func identifier(of path: String) -> String {
        if id == "cpp", path.hasSuffix(".c") { return "c" }
        if id == "typescript", path.hasSuffix("js") || path.hasSuffix(".jsx") { return "javascript" }
        return id
    }
}
