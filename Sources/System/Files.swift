// Files by path: the calls every module needs, whole-file reads and writes among them.
import CSystem
public import Glibc

/// What `stat` says about a file.
public struct FileStatus: Sendable, Hashable {
    /// Permission bits and type, as in st_mode.
    public var mode: UInt32
    /// Owner.
    public var user: UInt32
    /// Group.
    public var group: UInt32
    /// Number of names.
    public var links: UInt32
    /// Size in bytes.
    public var size: Int64
    /// Device and inode: the identity of the file.
    public var device: UInt64
    public var inode: UInt64
    /// Last change of the content, Unix time in nanoseconds.
    public var modifiedNanoseconds: Int64

    /// True for a directory.
    public var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
    /// True for a regular file.
    public var isRegular: Bool { mode & S_IFMT == S_IFREG }
    /// True for a socket.
    public var isSocket: Bool { mode & S_IFMT == S_IFSOCK }
    /// True for a symbolic link (only seen when links are not followed).
    public var isLink: Bool { mode & S_IFMT == S_IFLNK }

    init(_ raw: cs_stat) {
        (mode, user, group, links) = (raw.mode, raw.uid, raw.gid, raw.nlink)
        (size, device, inode) = (raw.size, raw.device, raw.inode)
        modifiedNanoseconds = raw.modified_ns
    }
}

/// Calls on paths.
public enum Files {
    /// Opens close-on-exec. Linux: open(2)
    /// - Parameter flags: O_RDONLY, O_CREAT, O_NOFOLLOW and so on.
    public static func open(
        _ path: String, _ flags: Int32 = O_RDONLY, mode: UInt32 = 0o644
    ) throws(SystemError) -> FileDescriptor {
        FileDescriptor(adopting: try check("open", path) { cs_openat(AT_FDCWD, path, flags, mode) })
    }

    /// Opens a regular file for reading, in a directory that somebody else writes: no link to one, no pipe
    /// or device that would hold us up. Anything but a regular file is EINVAL or ELOOP. Linux: open(2)
    public static func openRegular(_ path: String) throws(SystemError) -> FileDescriptor {
        let file = try open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        guard try status(of: file.raw).isRegular else {
            throw SystemError(call: "open", operand: path, code: EINVAL)
        }
        return file
    }

    /// Opens below an open directory. Linux: openat(2)
    public static func open(
        _ name: String, in directory: Int32, _ flags: Int32, mode: UInt32 = 0o644
    ) throws(SystemError) -> FileDescriptor {
        FileDescriptor(adopting: try check("openat", name) { cs_openat(directory, name, flags, mode) })
    }

    /// A file without a place, for reading and writing; gone with its descriptor. Linux: memfd_create(2)
    public static func memory(_ name: String) throws(SystemError) -> FileDescriptor {
        FileDescriptor(adopting: try check("memfd_create", name) { cs_memory_file(name) })
    }

    /// The whole file.
    /// - Parameter limit: A longer file is EFBIG.
    public static func read(_ path: String, limit: Int = .max) throws(SystemError) -> [UInt8] {
        let file = try open(path)
        do throws(SystemError) {
            return try IO.readAll(file.raw, limit: limit)
        } catch {
            throw SystemError(call: error.call, operand: path, code: error.code)
        }
    }

    /// The whole file as UTF-8; bytes that are none become U+FFFD.
    public static func readText(_ path: String, limit: Int = .max) throws(SystemError) -> String {
        String(decoding: try read(path, limit: limit), as: UTF8.self)
    }

    /// Creates or truncates the file and writes all bytes. `mode` holds for a new file only.
    public static func write(
        _ path: String, _ bytes: some Collection<UInt8>, mode: UInt32 = 0o644
    ) throws(SystemError) {
        let file = try open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
        try IO.writeAll(file.raw, bytes)
    }

    /// Appends to the file, creating it when it is missing.
    public static func append(
        _ path: String, _ bytes: some Collection<UInt8>, mode: UInt32 = 0o644
    ) throws(SystemError) {
        let file = try open(path, O_WRONLY | O_CREAT | O_APPEND, mode: mode)
        try IO.writeAll(file.raw, bytes)
    }

    /// Replaces the file so that a crash leaves the old or the new content: temporary file, fsync, rename,
    /// fsync of the directory.
    public static func writeAtomically(
        _ path: String, _ bytes: some Collection<UInt8>, mode: UInt32 = 0o644
    ) throws(SystemError) {
        let temporary = "\(path).\(Random.hex(4)).tmp"
        do throws(SystemError) {
            let file = try open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
            try check("fchmod", temporary) { fchmod(file.raw, mode) }
            try IO.writeAll(file.raw, bytes)
            try check("fsync", temporary) { fsync(file.raw) }
            try rename(temporary, path)
        } catch {
            _ = unlink(temporary)
            throw error
        }
        let directory = try open(parent(of: path), O_RDONLY | O_DIRECTORY)
        try check("fsync", parent(of: path)) { fsync(directory.raw) }
    }

    /// Removes a file or link, or an empty directory. Linux: unlink(2)
    public static func remove(_ path: String) throws(SystemError) {
        if unlink(path) == 0 { return }
        let code = cs_errno()
        guard code == EISDIR || code == EPERM else {
            throw SystemError(call: "unlink", operand: path, code: code)
        }
        try check("rmdir", path) { rmdir(path) }
    }

    /// Renames within a file system, replacing what was there. Linux: rename(2)
    public static func rename(_ from: String, _ to: String) throws(SystemError) {
        try check("rename", "\(from) -> \(to)") { Glibc.rename(from, to) }
    }

    /// Makes `path` a symbolic link to `target`. Linux: symlink(2)
    public static func symlink(_ target: String, at path: String) throws(SystemError) {
        try check("symlink", "\(path) -> \(target)") { Glibc.symlink(target, path) }
    }

    /// Gives a file a second name on the same file system; a link itself is not followed. Linux: link(2)
    public static func link(_ existing: String, at path: String) throws(SystemError) {
        try check("link", "\(path) = \(existing)") { Glibc.link(existing, path) }
    }

    /// What a symbolic link holds. Linux: readlink(2)
    public static func readLink(_ path: String) throws(SystemError) -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = try check("readlink", path) {
            buffer.withUnsafeMutableBytes { raw in
                raw.bindMemory(to: CChar.self).baseAddress.map { readlink(path, $0, raw.count) } ?? -1
            }
        }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// Linux: chmod(2)
    public static func chmod(_ path: String, _ mode: UInt32) throws(SystemError) {
        try check("chmod", path) { Glibc.chmod(path, mode) }
    }

    /// Makes a file that only this user may read and write, or takes what others may from one that is there.
    /// One that belongs to somebody else is EPERM.
    public static func makePrivate(_ path: String) throws(SystemError) {
        let file = try open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
        let status = try status(of: file.raw)
        guard status.user == Credentials.effectiveUser() else {
            throw SystemError(call: "make private", operand: path, code: EPERM)
        }
        if status.mode & 0o077 != 0 { try check("fchmod", path) { fchmod(file.raw, 0o600) } }
    }

    /// Changes the owner of the file itself, never of what a link points to. Linux: lchown(2)
    public static func chown(_ path: String, user: UInt32, group: UInt32) throws(SystemError) {
        try check("lchown", path) { lchown(path, user, group) }
    }

    /// The path with all links and dots resolved. Linux: realpath(3)
    public static func realPath(_ path: String) throws(SystemError) -> String {
        guard let resolved = realpath(path, nil) else {
            throw SystemError(call: "realpath", operand: path, code: cs_errno())
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Everything before the last slash; "." when there is none.
    public static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Everything after the last slash.
    public static func name(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }
}
