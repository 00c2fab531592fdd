// How a policy gets to the sandbox and its report comes back.
import Glibc
import Kit
import System

/// The descriptors of one sandboxed command. Files instead of pipes: a policy or a report of any size
/// blocks nobody, and they are unlinked before anybody else can open them.
struct SandboxFiles: Sendable {
    let policy: SharedDescriptor
    let report: SharedDescriptor
    private let program: String

    /// The most that a report may hold, in bytes.
    private static let reportBytes = 1 << 20

    init(policy document: JSON, guest: GuestFacts) throws(HarnessError) {
        program = guest.binary("openclaw-sandbox")
        policy = try Self.file(document.serialized(), guest: guest)
        report = try Self.file([], guest: guest)
    }

    /// A nameless file with these bytes, positioned at its start.
    static func file(_ bytes: [UInt8], guest: GuestFacts) throws(HarnessError) -> SharedDescriptor {
        try attempt("make a file for the sandbox") { () throws(SystemError) in
            let path = "\(guest.runDirectory)/private/\(Random.hex(8))"
            let writer = try Files.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
            // Opened before the bytes are there, so that the name can go at once.
            let file = try Files.open(path, O_RDWR)
            try Files.remove(path)
            try IO.writeAll(writer.raw, bytes)
            return file.shared()
        }
    }

    func arguments(_ command: [String], options: [String] = []) -> [String] {
        [program] + options + ["--"] + command
    }
    var descriptors: [(parent: Int32, child: Int32)] { [(policy.raw, 3), (report.raw, 4)] }

    /// Everything in a file that a child wrote or is still writing through the same descriptor: its position
    /// stays where it is.
    static func contents(_ file: SharedDescriptor, limit: Int = Limits.capturedBytes) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: IO.chunkBytes)
        while bytes.count < limit {
            let count = pread(file.raw, &piece, min(piece.count, limit - bytes.count), off_t(bytes.count))
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            bytes += piece[..<count]
        }
        return bytes
    }

    /// The report; nil when the sandbox wrote none.
    static func readReport(_ file: SharedDescriptor) -> JSON? {
        let bytes = contents(file, limit: reportBytes)
        return bytes.isEmpty ? nil : try? JSON.parse(bytes)
    }
}
