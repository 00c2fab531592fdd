import Glibc
import Kit
import System
import Testing

@testable import Agent

/// The server's tools, called directly: a real bash, real files, real processes.
@Suite(.serialized) struct ToolServerTests {
    private let scratch: Scratch
    private let server: ToolServer

    init() throws {
        scratch = try Scratch()
        server = ToolServer(
            directory: scratch.path,
            environment: ["PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"])
    }

    private func bash(_ command: String, _ more: [String: JSON] = [:]) -> (text: String, code: Int) {
        let answer = server.call("bash", .object(more.merging(["command": .string(command)]) { $1 }))
        return (answer["content"]?.stringValue ?? "", answer["exit_code"]?.intValue ?? 0)
    }

    @Test func `directory, variables and functions stay from call to call`() {
        _ = bash("mkdir deep && cd deep && A=local && export B=exported && f() { echo f-$1; }")
        let (text, code) = bash("pwd; echo $A $B; f x; false")
        #expect(text == "\(scratch.path)/deep\nlocal exported\nf-x\n[exit code 1]")
        #expect(code == 1)
    }

    @Test func `a command is a script: quotes, here-documents, errors and both outputs in order`() {
        #expect(bash("cat <<'E'\n$x 'y'\nE\necho err >&2; echo out").text == "$x 'y'\nerr\nout\n")
        let broken = bash("echo 'open")
        #expect(broken.code != 0)
        #expect(bash("echo still here").text == "still here\n")
    }

    @Test func `nothing is read from the terminal that is not there`() {
        #expect(bash("read -r line || echo nothing; cat").text == "nothing\n")
    }

    @Test
    func `a command that ends the shell is told, and the next one finds the same directory and variables`() {
        _ = bash("mkdir d; cd d; export KEPT=1")
        let (text, code) = bash("exit 7")
        #expect(text.contains("ended the shell") && code == 7)
        #expect(bash("pwd; echo $KEPT").text == "\(scratch.path)/d\n1\n")
    }

    @Test func `time is up for a command and all that it started, not for earlier jobs`() throws {
        _ = bash("sleep 300 & echo $! > earlier")
        let (text, code) = bash("sleep 300 & echo $! > mine; sleep 300", ["timeout": 300])
        #expect(code == 124 && text.contains("stopped after 0 s"))
        let mine = try #require(Int32(try scratch.text("mine").dropLast()))
        let earlier = try #require(Int32(try scratch.text("earlier").dropLast()))
        #expect(!isRunning(mine))
        #expect(isRunning(earlier))
        try Processes.kill(earlier, SIGKILL)
        #expect(bash("echo fine").text == "fine\n")
    }

    /// A zombie is nobody's child here and does not count.
    private func isRunning(_ pid: Int32) -> Bool {
        let stat = (try? Files.readText("/proc/\(pid)/stat")) ?? ""
        guard let end = stat.lastIndex(of: ")") else { return false }
        return !stat[end...].hasPrefix(") Z")
    }

    @Test func `long output is shown head and tail and kept whole in a file`() throws {
        let (text, _) = bash("seq 1 100000")
        #expect(text.hasPrefix("1\n2\n") && text.hasSuffix("99999\n100000\n"))
        #expect(text.count < 11_000)
        let start = try #require(text.firstRange(of: OutputFile.directory))
        let path = String(text[start.lowerBound...].prefix { !$0.isWhitespace })
        #expect(try Files.readText(path).hasSuffix("\n100000\n"))
        #expect(bash("printf 'a\\033[31mred\\033[0m 10%%\\r100%%\\n'").text == "100%\n")
    }

    @Test func `jobs run beside the shell, with its directory and variables`() {
        _ = bash("mkdir j; cd j; export X=42")
        #expect(
            bash("echo begun in $PWD $X; read line < fifo; echo got", ["run_in_background": true]).text
                .hasPrefix("Started as job-1"))
        let listed = server.call("job", [:])["content"]?.stringValue ?? ""
        #expect(listed.contains("job-1"))
        let done =
            server.call("job", ["id": "job-1", "action": "wait", "timeout": 10_000])["content"]?.stringValue
            ?? ""
        #expect(done.contains("begun in \(scratch.path)/j 42") && done.contains("ended with exit code 0"))
        _ = bash("echo more; sleep 300", ["run_in_background": true])
        let killed = server.call("job", ["id": "job-2", "action": "kill"])["content"]?.stringValue ?? ""
        #expect(killed.contains("ended with exit code 143"))
        #expect(server.call("job", ["id": "job-9"])["is_error"] == true)
    }

    @Test func `a job has every variable of the command before it, however many there are`() {
        _ = bash("for i in {1..3000}; do export V$i=$(($i * 7)); done; export LAST=there")
        _ = bash("echo LAST is $LAST, V3000 is $V3000", ["run_in_background": true])
        let done = server.call("job", ["id": "job-1", "action": "wait", "timeout": 60_000])
        let text = done["content"]?.stringValue ?? ""
        #expect(text.hasPrefix("LAST is there, V3000 is 21000\n"), "\(text.prefix(500))")
    }

    @Test func `a program runs without a shell`() {
        let answer = server.call("exec", ["args": ["printf", "%s|", "a b", "$HOME"]])
        #expect(answer["content"] == "a b|$HOME|")
        #expect(server.call("exec", ["args": []])["is_error"] == true)
        #expect(server.call("exec", ["args": ["no-such-program"]])["is_error"] == true)
        #expect(server.call("nothing", [:])["is_error"] == true)
    }
}
