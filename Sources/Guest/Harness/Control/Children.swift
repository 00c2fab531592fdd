// Processes that the harness started, and what comes out of them.
import Glibc
import Kit
import System
import Wire

/// A process of ours.
struct Supervised {
    enum Kind {
        /// The agent.
        case primary
        case exec(id: String)
        /// The answer to this request is its exit.
        case task(JSONRPCMessage.ID)
        case server
        case job(Job)
    }

    let kind: Kind
    let child: Child
    /// Descriptors that must stay open while it runs.
    var kept: [SharedDescriptor] = []
    /// The file that a sandbox writes its report to.
    var report: SharedDescriptor?
    /// When to TERM it, then to KILL it, in monotonic milliseconds.
    var deadline: Int64?
    var timedOut = false
    var graceMilliseconds: Int64 = 2000
}

/// One pipe of a process, on its way to the log.
final class ChildStream {
    let descriptor: SharedDescriptor
    let pid: Int32
    let name: String
    let source: String
    let execID: String?
    private var splitter = LineSplitter()
    private var redaction = StreamRedactor()
    /// The process has ended and been reported; what an orphan still writes is read, so that it does not
    /// block, and thrown away.
    private(set) var isOver = false

    init(_ descriptor: SharedDescriptor, pid: Int32, name: String, source: String, execID: String?) {
        (self.descriptor, self.pid, self.name) = (descriptor, pid, name)
        (self.source, self.execID) = (source, execID)
    }

    /// One read.
    /// - Parameter redactor: What is secret now. Before lines are cut, because a secret may have several, or
    ///   lie where a long one is cut.
    /// - Returns: The complete lines, and whether the stream has ended.
    func receive(_ redactor: Redactor) -> (lines: [OutputQueue.LogLine], hasEnded: Bool, isDry: Bool) {
        do throws(SystemError) {
            let bytes = try IO.read(descriptor.raw)
            if isOver { return ([], bytes.isEmpty, false) }
            if bytes.isEmpty { return (finish(redactor), true, true) }
            return (splitter.receive(redaction.receive(bytes, redactor)).map(entry), false, false)
        } catch {
            if error.code == EAGAIN { return ([], false, true) }
            return (finish(redactor), true, true)
        }
    }

    /// What the pipe holds at the end of its process, bounded, and the unfinished line.
    func close(_ redactor: Redactor) -> (lines: [OutputQueue.LogLine], hasEnded: Bool) {
        var lines: [OutputQueue.LogLine] = []
        for _ in 0..<(Limits.drainBytes / IO.chunkBytes) {
            let (new, hasEnded, isDry) = receive(redactor)
            lines += new
            if hasEnded { return (lines, true) }
            if isDry { break }
        }
        lines += finish(redactor)
        return (lines, false)
    }

    private func finish(_ redactor: Redactor) -> [OutputQueue.LogLine] {
        isOver = true
        var lines = splitter.receive(redaction.finish(redactor)).map(entry)
        if let last = splitter.finish() { lines.append(entry(last)) }
        return lines
    }

    private func entry(_ line: LineSplitter.Line) -> OutputQueue.LogLine {
        .init(stream: name, line: line.text, source: source, execID: execID, isPartial: line.isPartial)
    }
}
