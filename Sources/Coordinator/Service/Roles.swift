// Which roles there are: the kit's, the user's, and those of a repository that the user trusts.
import Delivery
public import Kit
public import System

/// The roles of a home, or of one session.
public struct Roles: Sendable {
    /// A role's file.
    public struct File: Sendable, Hashable {
        public var name: String
        public var path: String
        public var text: String

        public init(name: String, path: String, text: String) {
            (self.name, self.path, self.text) = (name, path, text)
        }
    }

    private var files: [String: File] = [:]
    private let manifest: Manifest?
    /// What `registries` in a role's `egress` stands for.
    private let registries: [String]

    /// In bytes, of one file.
    public static let fileLimit = 1 << 20

    /// The kit's roles and the user's, which win.
    public init(home: Home) {
        manifest = (try? Files.readText("\(home.kit)/aegis-kit.yaml", limit: YAML.sizeLimit)).flatMap {
            try? Manifest.parse($0, source: "aegis-kit.yaml")
        }
        let settings = (try? Files.readText("\(home.path)/config.yaml", limit: YAML.sizeLimit)).flatMap {
            // A file that cannot be read opens nothing; `openclaw config` says what is wrong with it.
            try? Settings.parse($0, source: "config.yaml")
        }
        registries = settings?.hosts("egress.registries") ?? []
        for directory in ["\(home.kit)/roles", "\(home.path)/roles"] {
            for file in Self.files(in: directory) { files[file.name] = file }
        }
    }

    /// Those of a session: what it took from its repository at its start comes last and takes no name.
    init(home: Home, session: String) {
        self.init(home: home)
        for file in Self.files(in: "\(home.session(session))/roles") { add(file) }
    }

    /// Adds a repository's role, unless there is one of the name.
    /// - Returns: False when the name is taken.
    @discardableResult
    public mutating func add(_ file: File) -> Bool {
        guard files[file.name] == nil else { return false }
        files[file.name] = file
        return true
    }

    /// Every name, in order.
    public var names: [String] { files.keys.sorted() }

    /// The role of a name; nil when there is none.
    public func role(_ name: String) throws(RoleError) -> Role? {
        guard let file = files[name] else { return nil }
        return try check(file)
    }

    /// Reads a role that may build on those that are there, and holds it against the manifest.
    public func check(_ file: File) throws(RoleError) -> Role {
        let role = try Role.parse(file.text, source: file.path) { name in
            // A user's own `coder` builds on the kit's, not on itself.
            if name == file.name { return nil }
            return files[name].map { ($0.text, $0.path) }
        }
        .reaching(registries: registries)
        guard role.name == file.name else {
            throw RoleError(
                source: file.path, problems: ["1: name: is \(role.name); file and name must be the same"])
        }
        guard Role.isName(role.name) else {
            throw RoleError(
                source: file.path,
                problems: ["1: name: \(role.name) is not small letters, digits and dashes, a letter first"])
        }
        let excess = manifest.map { role.excess(over: $0) } ?? []
        guard excess.isEmpty else {
            throw RoleError(source: file.path, problems: excess.map { "1: \($0)" })
        }
        return role
    }

    /// The roles that can do a plan's tasks; what cannot be read does none.
    public var working: Set<String> {
        Set(names.filter { name in (try? role(name))?.flatMap { $0 }?.doesPlannedWork ?? false })
            .subtracting(["architect", "reviewer", "tester"]).union(Plan.workRoles)
    }

    /// The roles besides `coder` that an architect may give tasks to, with what they say of themselves.
    public var offers: [RoleOffer] {
        working.subtracting(Plan.workRoles).sorted().prefix(Self.offerLimit).compactMap { name in
            guard let role = (try? role(name)) ?? nil else { return nil }
            return RoleOffer(name: name, description: String(role.description.prefix(Self.offerCharacters)))
        }
    }

    /// They become part of the architect's prompt.
    private static let offerLimit = 32
    private static let offerCharacters = 300

    /// The role files of a directory, in order.
    public static func files(in directory: String) -> [File] {
        ((try? Files.list(directory)) ?? []).filter { $0.hasSuffix(".yaml") }.sorted().compactMap { name in
            let path = "\(directory)/\(name)"
            guard let text = try? Files.readText(path, limit: fileLimit) else { return nil }
            return File(name: String(name.dropLast(5)), path: path, text: text)
        }
    }
}

/// Which files of repositories the user said yes to. It is their content that is trusted: a file that changed
/// is another one.
public struct RoleTrust: Sendable {
    private let path: String

    public init(home: Home) { path = "\(home.path)/trusted-roles.json" }

    /// What names a file's content.
    public static func digest(_ text: String) -> String { "sha256:" + Digest.sha256Hex(Array(text.utf8)) }

    private func read() -> [String: JSON] {
        let text = (try? Files.readText(path, limit: 16 << 20)) ?? ""
        return (try? JSON.parse(text))?["roles"]?.objectValue ?? [:]
    }

    /// True when exactly this content was trusted.
    public func trusts(_ text: String) -> Bool { read()[Self.digest(text)] != nil }

    /// Trusts a file from now on.
    /// - Parameter at: Unix milliseconds.
    public func add(_ file: Roles.File, at: Int64) throws(SystemError) {
        var roles = read()
        roles[Self.digest(file.text)] = [
            "name": .string(file.name), "path": .string(file.path), "at": JSON(at),
        ]
        try write(roles)
    }

    /// Trusts a file no longer.
    /// - Returns: False when it was not trusted.
    public func remove(_ text: String) throws(SystemError) -> Bool {
        var roles = read()
        guard roles.removeValue(forKey: Self.digest(text)) != nil else { return false }
        try write(roles)
        return true
    }

    private func write(_ roles: [String: JSON]) throws(SystemError) {
        try Files.makeDirectories(Files.parent(of: path), mode: 0o700)
        let json: JSON = ["roles": .object(roles)]
        try Files.writeAtomically(path, Array(json.text.utf8), mode: 0o600)
    }
}

/// The roles in the commit that a session starts from.
struct RepositoryRoles {
    let files: [Roles.File]

    private static let countLimit = 64

    /// Reads `.openclaw/roles` of a tree.
    init(_ repository: SessionRepository, tree: String) throws(DeliveryError) {
        guard try repository.topLevel(of: tree).contains(".openclaw/"),
            try repository.topLevel(of: "\(tree):.openclaw").contains("roles/")
        else {
            files = []
            return
        }
        var found: [Roles.File] = []
        let names = try repository.topLevel(of: "\(tree):.openclaw/roles").filter { $0.hasSuffix(".yaml") }
        for name in names.sorted().prefix(Self.countLimit) {
            let path = ".openclaw/roles/\(name)"
            guard let bytes = try repository.file(path, in: tree, limitBytes: Roles.fileLimit) else {
                continue
            }
            found.append(
                Roles.File(
                    name: String(name.dropLast(5)), path: path, text: String(decoding: bytes, as: UTF8.self)))
        }
        files = found
    }
}
