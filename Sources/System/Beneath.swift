// Paths that stay below directories, whatever links are on the way.
import CSystem
public import Glibc

/// Opens files below one of a few roots and nowhere else. Every component is resolved by the kernel below the
/// root's descriptor: a symbolic link that leads out, an absolute one, or one that is swapped in meanwhile,
/// is EXDEV. Links that stay below are followed. Linux: openat2(2), RESOLVE_BENEATH; 5.6
public struct Beneath: Sendable {
    private let roots: [String]

    private static let beneath: UInt64 = 0x08
    private static let noMagicLinks: UInt64 = 0x02
    /// O_PATH of open(2), which Glibc hides.
    private static let onlyPath: Int32 = 0x20_0000

    /// - Parameter roots: Absolute paths. One that does not exist is no root.
    public init(roots: [String]) {
        self.roots = roots.map { Self.normal($0) }.filter { Files.isDirectory($0) }
    }

    /// Opens a path, absolute or from the working directory.
    public func open(_ path: String, _ flags: Int32 = O_RDONLY, mode: UInt32 = 0o644) throws(SystemError)
        -> FileDescriptor
    {
        let (root, rest) = try place(path)
        let directory = try Files.open(root, Self.onlyPath | O_DIRECTORY)
        return try Self.open(rest, in: directory.raw, flags, mode, path)
    }

    private static func open(
        _ rest: String, in directory: Int32, _ flags: Int32, _ mode: UInt32, _ path: String
    ) throws(SystemError) -> FileDescriptor {
        // The kernel wants no mode where nothing can be made.
        let mode = flags & O_CREAT != 0 ? UInt64(mode) : 0
        while true {
            let number = cs_openat2(
                directory, rest, UInt64(UInt32(bitPattern: flags)), mode, beneath | noMagicLinks)
            if number >= 0 { return FileDescriptor(adopting: number) }
            let code = cs_errno()
            // EAGAIN: something on the way was moved meanwhile.
            if code != EINTR, code != EAGAIN { throw SystemError(call: "openat2", operand: path, code: code) }
        }
    }

    public func status(_ path: String) throws(SystemError) -> FileStatus {
        let file = try open(path, Self.onlyPath)
        return try Files.status(of: file.raw)
    }

    /// The whole file.
    public func read(_ path: String, limit: Int = .max) throws(SystemError) -> [UInt8] {
        // A pipe that somebody made there must not hold us up.
        let file = try open(path, O_RDONLY | O_NONBLOCK)
        return try IO.readAll(file.raw, limit: limit)
    }

    /// Replaces a file's content in place, or makes the file and the directories to it.
    public func write(_ path: String, _ bytes: [UInt8]) throws(SystemError) {
        try makeParents(of: path)
        let file = try open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY)
        try IO.writeAll(file.raw, bytes)
    }

    /// Removes a file, or a link itself.
    public func remove(_ path: String) throws(SystemError) {
        let (parent, name) = try parent(of: path)
        try check("unlinkat", path) { unlinkat(parent.raw, name, 0) }
    }

    private func makeParents(of path: String) throws(SystemError) {
        let (root, rest) = try place(path)
        var made = ""
        let directory = try Files.open(root, Self.onlyPath | O_DIRECTORY)
        for name in rest.split(separator: "/").dropLast() {
            let above = try Self.open(made.isEmpty ? "." : made, in: directory.raw, Self.onlyPath, 0, path)
            made += made.isEmpty ? String(name) : "/\(name)"
            let result = mkdirat(above.raw, String(name), 0o755)
            guard result == 0 || cs_errno() == EEXIST else {
                throw SystemError(call: "mkdirat", operand: path, code: cs_errno())
            }
        }
    }

    private func parent(of path: String) throws(SystemError) -> (SharedDescriptor, String) {
        let (root, rest) = try place(path)
        let names = rest.split(separator: "/").map(String.init)
        guard let name = names.last, name != "." else {
            throw SystemError(call: "unlinkat", operand: path, code: EISDIR)
        }
        let directory = try Files.open(root, Self.onlyPath | O_DIRECTORY)
        let above = names.dropLast().joined(separator: "/")
        let file = try Self.open(above.isEmpty ? "." : above, in: directory.raw, Self.onlyPath, 0, path)
        return (file.shared(), name)
    }

    /// The innermost root that a path is in, and the way from there.
    private func place(_ path: String) throws(SystemError) -> (root: String, rest: String) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw SystemError(call: "openat2", operand: path, code: EINVAL)
        }
        let whole = Self.normal(path.hasPrefix("/") ? path : "\(try Files.workingDirectory())/\(path)")
        let root = roots.filter { whole == $0 || whole.hasPrefix($0 == "/" ? "/" : $0 + "/") }
            .max { $0.utf8.count < $1.utf8.count }
        guard let root else { throw SystemError(call: "openat2", operand: path, code: EXDEV) }
        let rest = whole.dropFirst(root == "/" ? 1 : root.utf8.count + 1)
        return (root, rest.isEmpty ? "." : String(rest))
    }

    /// Without `.`, `..` and doubled slashes, by its letters alone; what links make of it is the kernel's
    /// part.
    static func normal(_ path: String) -> String {
        var names: [Substring] = []
        for name in path.split(separator: "/") where name != "." {
            if name == ".." { _ = names.popLast() } else { names.append(name) }
        }
        return "/" + names.joined(separator: "/")
    }
}

extension Files {
    /// Where we are. Linux: getcwd(3)
    public static func workingDirectory() throws(SystemError) -> String {
        guard let text = getcwd(nil, 0) else { throw SystemError(call: "getcwd", code: cs_errno()) }
        defer { free(text) }
        return String(cString: text)
    }
}
