import Glibc
import Kit
import System

/// What init and the tool tell the parent: a letter, then words or a descriptor.
enum Told: UInt8 {
    /// The layers as JSON, and the listener of the filter. The last word before the tool's program.
    case layers = 0x6C
    /// The listener of the tool's connections.
    case relay = 0x72
    /// The listener of the tool's requests for models.
    case models = 0x6D
    /// The leader of the tool's terminal.
    case terminal = 0x74
    /// The tool's wait status, a number.
    case status = 0x78
    /// Why nothing was run.
    case failure = 0x65
}

/// The one line from init and tool to the parent, a message a fact. Closed by exec, so that the tool's
/// program has none.
struct Side {
    let raw: Int32

    /// Longest message, in bytes: the layers name every path that could not be protected. A longer one is
    /// refused by the kernel, and then nothing is run.
    static let limit = 1 << 18

    func tell(_ what: Told, _ words: [UInt8] = [], passing descriptor: Int32? = nil) throws(SystemError) {
        try Sockets.send(raw, [what.rawValue] + words, passing: descriptor)
    }

    /// The parent alone hears this; when it is gone, so are we.
    func fail(_ error: SandboxError) {
        try? tell(.failure, Array(error.description.utf8.prefix(4096)))
    }

    /// Whether the parent still lives.
    var isOpen: Bool {
        var entry = pollfd(fd: raw, events: 0, revents: 0)
        return poll(&entry, 1, 0) == 0
    }
}
