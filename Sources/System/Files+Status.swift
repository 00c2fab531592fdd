// Questions about paths.
import CSystem
import Glibc

extension Files {
    /// Linux: stat(2), or lstat(2) when links are not followed.
    public static func status(_ path: String, followLinks: Bool = true) throws(SystemError) -> FileStatus {
        var raw = cs_stat()
        try check(followLinks ? "stat" : "lstat", path) { cs_stat(AT_FDCWD, path, followLinks ? 1 : 0, &raw) }
        return FileStatus(raw)
    }

    /// Linux: fstat(2)
    public static func status(of fd: Int32) throws(SystemError) -> FileStatus {
        var raw = cs_stat()
        try check("fstat", "fd \(fd)") { cs_fstat(fd, &raw) }
        return FileStatus(raw)
    }

    /// True when something is there, a dangling link included.
    public static func exists(_ path: String) -> Bool { (try? status(path, followLinks: false)) != nil }

    /// True for a directory or a link to one.
    public static func isDirectory(_ path: String) -> Bool { (try? status(path))?.isDirectory ?? false }

    /// True for a regular file that this process may execute.
    public static func isExecutable(_ path: String) -> Bool {
        (try? status(path))?.isRegular ?? false && access(path, X_OK) == 0
    }

    /// Size in bytes.
    public static func size(_ path: String) throws(SystemError) -> Int64 { try status(path).size }
}
