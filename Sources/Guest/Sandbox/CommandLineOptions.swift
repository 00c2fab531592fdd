import Glibc
import Kit
import System

/// What concerns one call and no role.
struct CallOptions {
    var outputFile: String?
    /// A terminal for the tool, of this size.
    var terminal: (columns: UInt16, rows: UInt16)?
    /// Output as it comes, whole, instead of head and tail at the end.
    var isLive = false
    /// Ends the command when the other end of the socket on standard input is gone: for a caller that has
    /// given it up, whatever state it is in.
    var endsWithInput = false
    /// Layers that the caller switched off, to see what the others hold; the report names them.
    var without: Set<String> = []

    static let layers: Set<String> = [
        "seccomp", "landlock", "mounts", "net_ns", "uid", "capabilities", "rlimits",
    ]
}

/// What the command line says.
struct CommandLineOptions {
    var command: [String] = []
    var reportDescriptor: Int32 = 4
    var options = CallOptions()
    private var policyFile: String?

    init(_ words: [String]) throws(SandboxError) {
        var rest = words[...]
        while let word = rest.popFirst(), word != "--" {
            if word == "--live" {
                options.isLive = true
                continue
            }
            if word == "--end-with-input" {
                options.endsWithInput = true
                continue
            }
            guard let value = rest.popFirst() else {
                throw SandboxError("\(word) needs a value; \(Self.usage)")
            }
            try take(word, value)
        }
        command = Array(rest)
        guard let first = command.first, !first.isEmpty else {
            throw SandboxError("no command; \(Self.usage)")
        }
    }

    private mutating func take(_ word: String, _ value: String) throws(SandboxError) {
        switch word {
        case "--policy": policyFile = value
        case "--output-file": options.outputFile = value
        case "--report-fd":
            guard let number = Int32(value), number >= 0 else { throw SandboxError("--report-fd \(value)") }
            reportDescriptor = number
        case "--pty":
            let numbers = value.split(separator: "x").map { UInt16($0) }
            guard numbers.count == 2, let columns = numbers[0], let rows = numbers[1] else {
                throw SandboxError("--pty \(value) is no COLUMNSxROWS")
            }
            options.terminal = (columns, rows)
        case "--without":
            guard CallOptions.layers.contains(value) else {
                throw SandboxError(
                    "--without \(value): the layers are "
                        + "\(CallOptions.layers.sorted().joined(separator: ", "))"
                )
            }
            options.without.insert(value)
        default: throw SandboxError("unknown option \(word); \(Self.usage)")
        }
    }

    private static let usage =
        "usage: openclaw-sandbox [--policy FILE | policy on fd 3] [--report-fd N] [--output-file FILE] "
        + "[--live] [--end-with-input] "
        + "[--pty COLUMNSxROWS] [--without LAYER]… -- COMMAND…"

    func readPolicy() throws(SandboxError) -> SandboxPolicy {
        let bytes = try attempt("read the policy") { () throws(SystemError) in
            if let policyFile { return try Files.read(policyFile, limit: 1 << 20) }
            return try IO.readAll(3, limit: 1 << 20)
        }
        do {
            return try SandboxPolicy.parse(try JSON.parse(bytes))
        } catch {
            throw SandboxError("the policy is not valid: \(error)")
        }
    }
}
