import Glibc
import Kit
import System

/// One output: its start, its end, and how much there was between.
struct Capture {
    private let headLimit: Int
    private let tailLimit: Int
    /// Where everything goes as it comes; then nothing is kept.
    private let live: Int32?
    private var head: [UInt8] = []
    private var tail: [UInt8] = []
    private(set) var total = 0

    init(_ policy: SandboxPolicy, live: Int32? = nil) {
        headLimit = policy.outputHeadBytes
        tailLimit = policy.outputTailBytes
        self.live = live
    }

    var elided: Int { live == nil ? total - head.count - min(tail.count, tailLimit) : 0 }

    mutating func add(_ bytes: [UInt8]) {
        total += bytes.count
        if let live {
            // A reader that has left wants nothing more.
            try? IO.writeAll(live, bytes)
            return
        }
        let room = min(headLimit - head.count, bytes.count)
        head += bytes.prefix(room)
        tail += bytes.dropFirst(room)
        // Cut rarely: each cut moves what is kept.
        if tail.count > 4 * tailLimit + 65536 { tail.removeFirst(tail.count - tailLimit) }
    }

    /// Writes it out.
    func finish(_ descriptor: Int32, copy: String?) {
        guard live == nil, total > 0 || copy != nil else { return }
        var bytes = head
        if elided > 0 { bytes += Array("\n… \(elided) bytes elided …\n".utf8) }
        bytes += tail.suffix(tailLimit)
        // A reader that has left wants nothing more.
        try? IO.writeAll(descriptor, bytes)
        if let copy { try? Files.write(copy, bytes) }
    }
}
