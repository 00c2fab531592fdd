// Directories: making, listing and removing them, without ever being led out by a link.
import CSystem
import Glibc

extension Files {
    /// Makes the directory and all missing parents. One that exists is no error and keeps its mode. Linux:
    /// mkdir(2)
    public static func makeDirectories(_ path: String, mode: UInt32 = 0o755) throws(SystemError) {
        if mkdir(path, mode) == 0 { return }
        switch cs_errno() {
        case EEXIST where isDirectory(path): return
        case ENOENT:
            let parent = parent(of: path)
            guard parent != path, parent != "." else { fallthrough }
            try makeDirectories(parent, mode: mode)
            if mkdir(path, mode) != 0, cs_errno() != EEXIST { fallthrough }
        default: throw SystemError(call: "mkdir", operand: path, code: cs_errno())
        }
    }

    /// The names in a directory, sorted, without "." and "..". Linux: readdir(3)
    public static func list(_ path: String) throws(SystemError) -> [String] {
        try list(of: try open(path, O_RDONLY | O_DIRECTORY).take(), path).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// Reads and closes an open directory. Names are bytes: a tool may have made one that is no UTF-8.
    private static func list(of fd: Int32, _ operand: String) throws(SystemError) -> [[UInt8]] {
        guard let directory = cs_directory_open(fd) else {
            let code = cs_errno()
            close(fd)
            throw SystemError(call: "fdopendir", operand: operand, code: code)
        }
        defer { cs_directory_close(directory) }
        var names: [[UInt8]] = []
        while let name = cs_directory_next(directory) {
            names.append(Array(UnsafeRawBufferPointer(start: name, count: strlen(name))))
        }
        let code = cs_errno()
        if code != 0 { throw SystemError(call: "readdir", operand: operand, code: code) }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Removes a file, a link, or a directory with all that is in it. Nothing there is no error.
    ///
    /// Works relative to open directories and never follows a link, so that whoever owns the tree cannot
    /// lead the removal elsewhere while it runs. Directories without permissions are made accessible first.
    public static func removeTree(_ path: String) throws(SystemError) {
        try removeTree(Array(path.utf8), in: AT_FDCWD, path)
    }

    private static func removeTree(_ name: [UInt8], in parent: Int32, _ operand: String) throws(SystemError) {
        let name = name + [0]
        let code = name.withCString { unlinkat(parent, $0, 0) == 0 ? 0 : cs_errno() }
        if code == 0 || code == ENOENT { return }
        guard code == EISDIR || code == EPERM else {
            throw SystemError(call: "unlinkat", operand: operand, code: code)
        }
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
        var raw = name.withCString { cs_openat(parent, $0, flags, 0) }
        if raw < 0, cs_errno() == EACCES {
            // Safe: fchmodat follows links, but a link would have been unlinked above; a swap only changes
            // a mode.
            _ = name.withCString { fchmodat(parent, $0, 0o700, 0) }
            raw = name.withCString { cs_openat(parent, $0, flags, 0) }
        }
        if raw < 0 { throw SystemError(call: "openat", operand: operand, code: cs_errno()) }
        let directory = FileDescriptor(adopting: raw)
        // Without write permission the entries cannot go; the owner may give it to itself.
        if let status = try? status(of: raw), status.mode & 0o700 != 0o700 { _ = fchmod(raw, 0o700) }
        for entry in try list(of: try directory.duplicate().take(), operand) {
            try removeTree(entry, in: raw, "\(operand)/\(String(decoding: entry, as: UTF8.self))")
        }
        let result = name.withCString { unlinkat(parent, $0, AT_REMOVEDIR) == 0 ? 0 : cs_errno() }
        if result != 0, result != ENOENT { throw SystemError(call: "rmdir", operand: operand, code: result) }
    }

    /// Makes a directory of mode 0700 with a unique name below TMPDIR or /tmp. Linux: mkdtemp(3)
    public static func temporaryDirectory(prefix: String) throws(SystemError) -> String {
        var template = Array("\(Environment.get("TMPDIR") ?? "/tmp")/\(prefix).XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else {
            throw SystemError(call: "mkdtemp", operand: prefix, code: cs_errno())
        }
        return String(cString: made)
    }
}

extension Array<UInt8> {
    /// Lends zero-terminated bytes as a C string.
    fileprivate func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { text in
                guard let base = text.baseAddress else { return "".withCString(body) }
                return body(base)
            }
        }
    }
}
