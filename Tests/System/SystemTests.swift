import Glibc
import Testing

@testable import System

@Suite struct SystemTests {
    @Test func `a program's output and exit code come back`() throws {
        let outcome = try Spawn.run(Spawn.Command(["/bin/sh", "-c", "echo out; echo err >&2; exit 3"]))
        #expect(outcome.stdoutText == "out\n")
        #expect(outcome.stderrText == "err\n")
        #expect(outcome.status == .exited(3))
    }

    @Test func `a tree with links that lead out is removed without following them`() throws {
        let directory = try Files.temporaryDirectory(prefix: "system-test-")
        let outside = try Files.temporaryDirectory(prefix: "system-test-")
        defer { try? Files.removeTree(outside) }
        try Files.write(outside + "/keep", Array("x".utf8))
        try Files.makeDirectories(directory + "/a/b/c")
        try Files.symlink(outside, at: directory + "/a/link")
        try Files.removeTree(directory)
        #expect(!Files.exists(directory))
        #expect(Files.exists(outside + "/keep"))
    }

    @Test func `an atomic write replaces the whole file`() throws {
        let directory = try Files.temporaryDirectory(prefix: "system-test-")
        defer { try? Files.removeTree(directory) }
        try Files.write(directory + "/f", Array("a long first text".utf8))
        try Files.writeAtomically(directory + "/f", Array("short".utf8))
        #expect(try Files.readText(directory + "/f") == "short")
        #expect(try Files.list(directory) == ["f"])
    }

    @Test func `an error names the call and its operand`() {
        do {
            _ = try Files.read("/no/such/file")
            Issue.record("reading a missing file worked")
        } catch {
            #expect(error.code == ENOENT)
            #expect(error.description.contains("/no/such/file"))
        }
    }

    @Test func `a descriptor crosses a socket pair`() throws {
        let pair = try Sockets.socketPair()
        let pipe = try IO.pipe()
        try Sockets.send(pair.first.raw, [1], passing: pipe.writer.raw)
        let (bytes, descriptor) = try Sockets.receive(pair.second.raw).split()
        #expect(bytes == [1])
        let received = try #require(descriptor)
        try IO.writeAll(received.raw, Array("through".utf8))
        #expect(try IO.read(pipe.reader.raw) == Array("through".utf8))
    }

    @Test func `a waiting thread sees a change`() {
        let box = Condition(0)
        let worker = Worker.start("test") { box.withLock { $0 = 7 } }
        let seen = box.wait(timeoutMilliseconds: 5000) { value in value == 7 ? value : nil }
        #expect(seen == 7)
        worker.join()
    }

    @Test func `killing a tree ends the grandchildren`() throws {
        let child = try Spawn.start(
            Spawn.Command(["/bin/sh", "-c", "sleep 600 & wait"], stdout: .null, stderr: .null))
        var descendants: [Int32] = []
        let deadline = Clock.monotonicNanoseconds() + 5_000_000_000
        while descendants.isEmpty, Clock.monotonicNanoseconds() < deadline {
            descendants = try Processes.descendants(of: child.pid)
        }
        #expect(!descendants.isEmpty)
        try Processes.signalTree(child.pid, SIGKILL)
        #expect(try child.wait() == .signalled(SIGKILL))
    }
}
