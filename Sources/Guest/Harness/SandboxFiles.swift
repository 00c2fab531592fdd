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

    func arguments(_ command: [String]) -> [String] { [program, "--"] + command }
    var descriptors: [(parent: Int32, child: Int32)] { [(policy.raw, 3), (report.raw, 4)] }

    /// Everything in a file that a child wrote through the same descriptor.
    static func contents(_ file: SharedDescriptor, limit: Int = Limits.capturedBytes) -> [UInt8] {
        var bytes: [UInt8] = []
        guard lseek(file.raw, 0, SEEK_SET) == 0 else { return [] }
        while bytes.count < limit, let piece = try? IO.read(file.raw, min(IO.chunkBytes, limit - bytes.count))
        {
            if piece.isEmpty { break }
            bytes += piece
        }
        return bytes
    }

    /// The report; nil when the sandbox wrote none.
    static func readReport(_ file: SharedDescriptor) -> JSON? {
        let bytes = contents(file, limit: reportBytes)
        return bytes.isEmpty ? nil : try? JSON.parse(bytes)
    }
}
