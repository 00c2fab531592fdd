// What a process was started with.
import CSystem
import Glibc

/// The environment, arguments and place of this process.
public enum Environment {
    /// One variable; nil when unset.
    public static func get(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// All variables. A name that occurs twice has its first value, as getenv(3) has it.
    public static func all() -> [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text)
            if let split = pair.firstIndex(of: "=") {
                let name = String(pair[..<split])
                if result[name] == nil { result[name] = String(pair[pair.index(after: split)...]) }
            }
            entry += 1
        }
        return result
    }

    /// Sets a variable for this process and what it starts. Not while other threads read it. Linux: setenv(3)
    public static func set(_ name: String, _ value: String?) {
        if let value { setenv(name, value, 1) } else { unsetenv(name) }
    }

    /// The command line, program name included.
    ///
    /// A static Swift binary that is PID 1 sees no arguments before /proc is mounted, and Swift asks only
    /// once; so this asks again.
    public static func arguments() -> [String] {
        var words: [String] = []
        // From the vector itself: the list that Swift makes of it costs a short-lived program more.
        for index in 0..<Int(CommandLine.argc) {
            if let word = CommandLine.unsafeArgv[index] { words.append(String(cString: word)) }
        }
        if !words.isEmpty { return words }
        guard var bytes = try? Files.read("/proc/self/cmdline") else { return [] }
        if bytes.last == 0 { bytes.removeLast() }
        return bytes.split(separator: 0, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// The file this process runs. Linux: proc(5) exe
    public static func executablePath() throws(SystemError) -> String { try Files.readLink("/proc/self/exe") }

    /// HOME, else "/root" for root, else "/".
    public static func homeDirectory() -> String {
        if let home = get("HOME"), !home.isEmpty { return home }
        return geteuid() == 0 ? "/root" : "/"
    }

    /// The file that a command name stands for: itself when it has a slash, else the first executable in
    /// PATH.
    public static func lookUp(_ command: String, path: String? = nil) -> String? {
        if command.utf8.contains(UInt8(ascii: "/")) { return command }
        let list = path ?? get("PATH") ?? "/usr/local/bin:/usr/bin:/bin"
        for directory in list.split(separator: ":") {
            let candidate = "\(directory)/\(command)"
            if Files.isExecutable(candidate) { return candidate }
        }
        return nil
    }
}
