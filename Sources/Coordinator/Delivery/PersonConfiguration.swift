// The configuration of git that a person has for all repositories, and what of it we follow.

import Kit
import System

/// Settings of git with the files that they are from, in the order in which git reads them: the last one of
/// a name counts.
struct GitSettings: Sendable {
    struct Entry: Sendable, Hashable {
        /// `system`, `global`, `local`, `worktree` or `command`.
        let scope: String
        /// Section and name in lower case, what is between them as it was written.
        let key: String
        /// Nil for a name alone, which is true.
        let value: String?
    }

    let entries: [Entry]

    init(_ entries: [Entry]) { self.entries = entries }

    /// Reads what `git config --list --show-scope -z` prints.
    init(listed bytes: [UInt8]) {
        let parts = bytes.split(separator: 0, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        entries = stride(from: 0, to: parts.count - 1, by: 2).map { index in
            let setting = parts[index + 1].split(
                separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
            return Entry(
                scope: parts[index], key: String(setting[0]),
                value: setting.count == 2 ? String(setting[1]) : nil)
        }
    }

    /// The last value of a name.
    func value(_ key: String) -> String? {
        entries.last { $0.key == key }.map { $0.value ?? "true" }
    }

    /// The settings as a file that git reads.
    var file: String {
        entries.compactMap { entry in
            guard let dot = entry.key.firstIndex(of: "."), let last = entry.key.lastIndex(of: ".") else {
                return nil
            }
            let section = entry.key[..<dot]
            let name = entry.key[entry.key.index(after: last)...]
            var head = "[\(section)]"
            if dot != last {
                let middle = entry.key[entry.key.index(after: dot)..<last]
                head = "[\(section) \(Self.quoted(String(middle)))]"
            }
            return "\(head)\n\t\(name)" + (entry.value.map { " = \(Self.quoted($0))" } ?? "") + "\n"
        }.joined()
    }

    private static func quoted(_ text: String) -> String {
        "\""
            + text.unicodeScalars.map { scalar in
                switch scalar {
                case "\"", "\\": "\\\(scalar)"
                case "\n": "\\n"
                case "\t": "\\t"
                default: String(scalar)
                }
            }.joined() + "\""
    }
}

extension GitSettings {
    /// Those that a person has for all repositories, read outside of any.
    /// - Parameter repository: One of theirs, for what they have for it alone (`includeIf`). What the
    ///   repository itself says is left out.
    static func ofPerson(in repository: String? = nil) throws(DeliveryError) -> GitSettings {
        let list = ["config", "--list", "--show-scope", "-z"]
        let inside = try repository.map { (path) throws(DeliveryError) in
            try PersonsGit.run(list, in: path)
        }
        // One that is gone, or not theirs, has no say.
        let listed: Git.Outcome
        if let inside, inside.code == 0 {
            listed = inside
        } else {
            listed = try PersonsGit.run(list, in: "/", adding: ["GIT_DIR": "/nonexistent"])
        }
        guard listed.code == 0 else {
            throw DeliveryError(
                .refused, "read your configuration of git", PersonsGit.words(listed.stderr),
                hint: "mend that line: git config --global --edit")
        }
        return GitSettings(listed: listed.stdout).ofPerson
    }

    /// Without what a repository says.
    var ofPerson: GitSettings {
        GitSettings(entries.filter { ["system", "global", "command"].contains($0.scope) })
    }

    /// What the git that speaks to a remote is told: proxies, certificates, addresses, ssh. Credential
    /// helpers are asked by themselves, and only when a server wants to know who asks.
    var forRemotes: [(String, String)] {
        entries.filter {
            $0.key.hasPrefix("http.") || $0.key.hasPrefix("url.")
                || ["core.gitproxy", "ssh.variant", "protocol.version"].contains($0.key)
        }.map { ($0.key, $0.value ?? "true") }
    }

    /// An address as `url.BASE.insteadOf` has it: the longest beginning counts.
    func rewritten(_ url: String) -> String {
        var best: (base: String, count: Int)?
        for entry in entries where entry.key.hasPrefix("url.") && entry.key.hasSuffix(".insteadof") {
            guard let beginning = entry.value, !beginning.isEmpty, url.hasPrefix(beginning) else { continue }
            let base = String(entry.key.dropFirst("url.".count).dropLast(".insteadof".count))
            let count = beginning.utf8.count
            if count > best?.count ?? 0 { best = (base, count) }
        }
        guard let best else { return url }
        return best.base + String(decoding: url.utf8.dropFirst(best.count), as: UTF8.self)
    }
}

/// Git as the person has it: with their configuration, and its own check of who owns a repository. Only for
/// commands that do nothing but read settings and names.
enum PersonsGit {
    /// Everything else that begins with `GIT_` would lead to another repository, or start programs.
    private static let variables: Set<String> = [
        "PATH", "HOME", "XDG_CONFIG_HOME", "SUDO_UID", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM",
        "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_COUNT", "GIT_CEILING_DIRECTORIES",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    ]

    static var environment: [String: String] {
        var environment = Environment.all().filter { name, _ in
            variables.contains(name) || name.hasPrefix("GIT_CONFIG_KEY_")
                || name.hasPrefix("GIT_CONFIG_VALUE_")
        }
        environment["HOME"] = Environment.homeDirectory()
        (environment["LC_ALL"], environment["GIT_TERMINAL_PROMPT"]) = ("C", "0")
        (environment["GIT_OPTIONAL_LOCKS"], environment["GIT_NO_LAZY_FETCH"]) = ("0", "1")
        return environment
    }

    static func run(
        _ arguments: [String], in directory: String, adding more: [String: String] = [:]
    ) throws(DeliveryError) -> Git.Outcome {
        try Git.start(
            ["-C", directory] + arguments, environment: environment.merging(more) { $1 },
            limit: Limits.outputBytes, timeoutMilliseconds: Limits.gitMilliseconds)
    }

    /// Git's complaint without its first word.
    static func words(_ complaint: String) -> String {
        let lines = complaint.utf8.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
        let first = lines.first { $0.hasPrefix("fatal: ") || $0.hasPrefix("error: ") } ?? lines.first ?? ""
        let isMarked = first.hasPrefix("fatal: ") || first.hasPrefix("error: ")
        return String((isMarked ? first.dropFirst(7) : first[...]).prefix(Limits.complaintBytes))
    }
}
