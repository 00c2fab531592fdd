import Kit
import System

/// What a repository tells agents: AGENTS.md, or CLAUDE.md where there is none, from the root down to the
/// directories that the task is about.
enum Instructions {
    private static let names = ["AGENTS.md", "CLAUDE.md"]
    /// Directories that are looked into.
    private static let directoryLimit = 64
    /// All of them together, in bytes; those nearer to the root come first.
    static let byteLimit = 32 << 10

    /// - Parameter input: `paths`, files or globs of the task's write set, relative to the working directory.
    static func read(_ input: JSON) throws(ToolProgram.Problem) -> JSON {
        let paths = (input["paths"]?.arrayValue ?? []).compactMap(\.stringValue)
        var left = byteLimit
        var files: [JSON] = []
        for directory in directories(paths) where left > 0 {
            guard let (path, bytes) = file(in: directory) else { continue }
            files.append([
                "path": .string(path), "text": .string(String(decoding: bytes.prefix(left), as: UTF8.self)),
            ])
            left -= min(left, bytes.count)
        }
        return ["files": .array(files)]
    }

    /// The root, then every directory on the way to each path, without repetition.
    static func directories(_ paths: [String]) -> [String] {
        var found: Set<String> = [""]
        for path in paths {
            let parts = path.split(separator: "/").map(String.init)
            guard !path.hasPrefix("/"), !parts.contains("..") else { continue }
            // What a glob leaves open is not known; the last part is a file.
            let fixed = parts.dropLast().prefix { part in !part.contains { "*?[{".contains($0) } }
            for count in fixed.indices { found.insert(fixed[...count].joined(separator: "/")) }
        }
        let sorted = found.sorted {
            let (left, right) = ($0.count { $0 == "/" }, $1.count { $0 == "/" })
            if $0.isEmpty != $1.isEmpty { return $0.isEmpty }
            return left == right ? $0 < $1 : left < right
        }
        return Array(sorted.prefix(directoryLimit))
    }

    private static func file(in directory: String) -> (String, [UInt8])? {
        for name in names {
            let path = directory.isEmpty ? name : "\(directory)/\(name)"
            // A link may lead anywhere that this sandbox can see; it sees nothing secret.
            guard !Files.isDirectory(path), let bytes = FilePiece.read(path, count: byteLimit),
                !bytes.isEmpty, !bytes.contains(0)
            else { continue }
            return (path, bytes)
        }
        return nil
    }
}
