// Where templates and roles come from: the user's own, the kit's, the repository's.
import Glibc
import Kit
import Service
import System

/// The files of one kind, in the order in which a name is looked up.
struct Library {
    /// Whose a file is.
    enum Origin: String, Sendable, CaseIterable {
        case user, kit, repository
    }

    /// A file of it.
    struct Entry: Sendable {
        let name: String
        let path: String
        let origin: Origin
        let text: String
    }

    /// "templates" or "roles".
    let kind: String
    let directories: [(origin: Origin, path: String)]

    /// The user's files come first, and a repository cannot take a name of the kit's: what a name means does
    /// not depend on where one stands.
    init(_ kind: String, home: Home, repository: String?) {
        self.kind = kind
        let own = repository.flatMap { Self.root(of: $0) }.map { "\($0)/.openclaw/\(kind)" }
        directories =
            [(.user, "\(home.path)/\(kind)"), (.kit, "\(home.kit)/\(kind)")]
            + (own.map { [(.repository, $0)] } ?? [])
    }

    /// The top of the working tree that a directory is in.
    static func root(of directory: String) -> String? {
        guard var path = try? Files.realPath(directory) else { return nil }
        while true {
            if Files.exists("\(path)/.git") { return path }
            let parent = Files.parent(of: path)
            guard parent != path, path != "/" else { return nil }
            path = parent
        }
    }

    /// A file at the top of a repository's working tree; nil when there is none. No link is followed.
    static func atRoot(_ name: String, of repository: String) throws(CLIError) -> Entry? {
        guard let path = root(of: repository).map({ "\($0)/\(name)" }),
            (try? Files.status(path, followLinks: false))?.isRegular == true
        else { return nil }
        do throws(SystemError) {
            return Entry(
                name: name, path: path, origin: .repository, text: try Files.readText(path, limit: fileLimit))
        } catch {
            throw CLIError(.failed, "read \(path): \(error)")
        }
    }

    /// In bytes.
    private static let fileLimit = 1 << 20
    /// More files than this in one directory are not looked at.
    private static let countLimit = 500

    /// Every file, also those that another one of the same name hides.
    func all() throws(CLIError) -> [Entry] {
        var entries: [Entry] = []
        for (origin, directory) in directories {
            let names = ((try? Files.list(directory)) ?? []).filter { $0.hasSuffix(".yaml") }.sorted()
            for name in names.prefix(Self.countLimit) {
                let path = "\(directory)/\(name)"
                // A link in a repository may point anywhere.
                if origin == .repository, (try? Files.status(path, followLinks: false))?.isRegular != true {
                    continue
                }
                do throws(SystemError) {
                    let text = try Files.readText(path, limit: Self.fileLimit)
                    entries.append(
                        Entry(name: String(name.dropLast(5)), path: path, origin: origin, text: text))
                } catch {
                    throw CLIError(.failed, "read \(path): \(error)")
                }
            }
        }
        return entries
    }

    /// The file that a name stands for.
    func find(_ name: String) throws(CLIError) -> Entry {
        let all = try all()
        if let entry = all.first(where: { $0.name == name }) { return entry }
        let near = nearest(name, of: all.map(\.name))
        throw CLIError(
            .notFound, "there is no \(kind.dropLast()) \(name)",
            hint: near.map { "did you mean \($0)?" } ?? "openclaw \(kind) list shows them")
    }

    /// Writes a new file of the user's.
    /// - Returns: Its path.
    func create(_ name: String, _ text: String) throws(CLIError) -> String {
        guard Template.isName(name) else {
            throw CLIError(.usage, "\(name) is no name: small letters, digits and dashes, 40 at most")
        }
        let directory = directories[0].path
        let path = "\(directory)/\(name).yaml"
        guard !Files.exists(path) else {
            throw CLIError(.failed, "\(path) is there already", hint: "edit it, or take another name")
        }
        do throws(SystemError) {
            try Files.makeDirectories(directory, mode: 0o700)
            try Files.writeAtomically(path, Array(text.utf8))
        } catch {
            throw CLIError(.failed, "write \(path): \(error)")
        }
        return path
    }
}
