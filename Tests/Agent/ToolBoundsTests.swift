import Glibc
import Kit
import System
import Testing

@testable import Agent

/// What ends a call, and what is said of a refusal.
@Suite(.serialized) struct ToolBoundsTests {
    private let scratch: Scratch
    private let server: ToolServer

    init() throws {
        scratch = try Scratch()
        server = ToolServer(directory: scratch.path, environment: ["PATH": "/usr/bin:/bin", "HOME": "/tmp"])
    }

    private func isRunning(_ pid: Int32) -> Bool {
        let stat = (try? Files.readText("/proc/\(pid)/stat")) ?? ""
        guard let end = stat.lastIndex(of: ")") else { return false }
        return !stat[end...].hasPrefix(") Z")
    }

    /// Deaf to TERM, in a session of its own, below the command.
    private static let stubborn =
        "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ > pid; while :; do sleep 1; done' & "
        + "while :; do sleep 1; done"

    @Test(arguments: ["bash", "exec"])
    func `time is up for what is deaf to TERM and has left the group`(_ tool: String) throws {
        let input: JSON =
            tool == "bash"
            ? ["command": .string(Self.stubborn), "timeout": 700]
            : ["args": ["sh", "-c", .string(Self.stubborn)], "timeout": 700]
        let answer = server.call(tool, input)
        let text = answer["content"]?.stringValue ?? ""
        #expect(answer["exit_code"]?.intValue == 124 && text.contains("stopped after 0 s"), "\(text)")
        #expect(text.contains("timeout up to \(ToolTime.command.longest)"), "\(text)")
        let pid = try #require(Int32(try scratch.text("pid").dropLast()))
        // It is killed, and gone as soon as the machine gets round to it.
        let deadline = Clock.monotonicNanoseconds() + 20_000_000_000
        while isRunning(pid), Clock.monotonicNanoseconds() < deadline { usleep(10_000) }
        #expect(!isRunning(pid))
    }

    @Test func `a refusal of a file is told with its path and errno`() throws {
        let outside = server.call("write", ["file_path": "/etc/openclaw-no", "content": "x"])
        #expect(outside["is_error"]?.boolValue == true)
        #expect(outside["refused"]?["path"] == "/etc/openclaw-no")
        #expect(outside["refused"]?["errno"] == "EXDEV")
        let missing = server.call("read", ["file_path": .string("\(scratch.path)/nothing")])
        #expect(missing["is_error"]?.boolValue == true && missing["refused"] == nil)
        let fine = server.call("write", ["file_path": .string("\(scratch.path)/a"), "content": "x"])
        #expect(fine["is_error"]?.boolValue == false && fine["refused"] == nil)
    }
}
