import Glibc
import Kit
import System
import Testing

@testable import Harness

@Suite(.serialized) struct ProcessTests {
    @Test func `it says that it is ready, runs a program, and tells its output before its end`() throws {
        let guest = try Guest()
        #expect(try guest.wait(for: "ready")["pid"]?.intValue == Int(guest.child.pid))
        let answer = try guest.call(
            "run", ["command": ["/bin/sh", "-c", "echo out; echo err >&2; printf tail"]])
        #expect((answer["result"]?["pid"]?.intValue ?? 0) > 0)
        #expect(try guest.wait(for: "processExited") == ["exit_code": 0])
        #expect(guest.lines() == ["out", "tail"])
        #expect(guest.lines("stderr") == ["err"])
    }

    @Test func `every exit code and signal arrives as it was`() throws {
        let guest = try Guest()
        for code in 0..<256 {
            _ = try guest.request(
                "exec", ["exec_id": JSON("c\(code)"), "command": ["/bin/sh", "-c", JSON("exit \(code)")]])
        }
        for signal in [1, 2, 3, 6, 9, 11, 13, 14, 15] {
            _ = try guest.request(
                "exec",
                ["exec_id": JSON("s\(signal)"), "command": ["/bin/sh", "-c", JSON("kill -\(signal) $$")]])
        }
        var codes: [String: JSON] = [:]
        while codes.count < 265 {
            let done = try guest.wait(for: "execDone")
            codes[done["exec_id"]?.stringValue ?? ""] = done
        }
        for code in 0..<256 { #expect(codes["c\(code)"]?["exit_code"]?.intValue == code) }
        for signal in [1, 2, 3, 6, 9, 11, 13, 14, 15] {
            #expect(codes["s\(signal)"]?["exit_code"]?.intValue == 128 + signal)
            #expect(codes["s\(signal)"]?["signal"]?.intValue == signal)
        }
    }

    @Test func `an orphan that holds the pipe does not delay the exit, and orphans are reaped`() throws {
        let guest = try Guest()
        let start = Clock.monotonicNanoseconds()
        _ = try guest.call("run", ["command": ["/bin/sh", "-c", "(sleep 30 & echo $!) ; (true &) ; exit 3"]])
        #expect(try guest.wait(for: "processExited")["exit_code"] == 3)
        #expect(Clock.monotonicNanoseconds() - start < 5_000_000_000)
        let sleeper = Int32(guest.lines().first ?? "") ?? 0
        #expect(Processes.parent(of: sleeper) == guest.child.pid)
        try Processes.kill(sleeper, SIGKILL)
        var orphans = 0
        let end = Clock.monotonicNanoseconds() + 5_000_000_000
        while orphans < 1 || Processes.exists(sleeper), Clock.monotonicNanoseconds() < end {
            orphans = try guest.call("health")["result"]?["orphans"]?.intValue ?? 0
        }
        #expect(!Processes.exists(sleeper))
        #expect(orphans >= 1)
    }

    @Test func `a host that does not read blocks nobody, and every dropped line is counted`() throws {
        let guest = try Guest()
        _ = try guest.wait(for: "ready")
        // 64 MiB in lines of 64 bytes; the end of the flood shows as a file, not on the channel.
        let line = String(repeating: "x", count: 63)
        let done = "\(guest.directory)/done"
        let script = "yes \(line) | head -n 1048576; : > \(done)"
        _ = try guest.request("run", ["command": ["/bin/sh", "-c", .string(script)]])
        let end = Clock.monotonicNanoseconds() + 60_000_000_000
        while !Files.exists(done), Clock.monotonicNanoseconds() < end { usleep(10_000) }
        #expect(Files.exists(done))
        #expect(try guest.wait(for: "processExited")["exit_code"] == 0)
        let gaps = guest.heard.reduce(0) { sum, message in
            message["method"] == "gap" ? sum + (message["params"]?["dropped"]?.intValue ?? 0) : sum
        }
        #expect(gaps > 0)
        #expect(guest.lines().count + gaps == 1_048_576)
        #expect(try guest.call("health")["result"]?["dropped"]?.intValue == gaps)
    }

    @Test func `a line of one mebibyte arrives in pieces`() throws {
        let guest = try Guest()
        _ = try guest.call(
            "run", ["command": ["/bin/sh", "-c", "head -c 1048576 /dev/zero | tr '\\0' a; echo; echo end"]])
        _ = try guest.wait(for: "processExited")
        let lines = guest.lines()
        #expect(lines.last == "end")
        #expect(lines.dropLast().map(\.utf8.count) == Array(repeating: 65536, count: 16))
    }

    @Test func `unknown methods, wrong parameters and failures have their codes`() throws {
        let guest = try Guest()
        #expect(try guest.call("nothing")["error"]?["code"] == -32601)
        #expect(try guest.call("run")["error"]?["code"] == -32602)
        #expect(try guest.call("run", ["command": ["/no/such/program"]])["error"]?["code"] == -32000)
        _ = try guest.call("run", ["command": ["/bin/sleep", "30"]])
        #expect(
            try guest.call("run", ["command": ["/bin/true"]])["error"]?["message"]
                == "primary process already running")
        try guest.send("no json")
        try guest.send("{\"id\":7,\"method\":\"health\",\"params\":null}")
        #expect(try guest.answer(to: 7)["result"]?["agent_alive"] == true)
    }

    @Test func `secrets reach programs and nothing else does`() throws {
        let guest = try Guest(environment: ["HOST_PRIVATE": "1"])
        _ = try guest.call("injectSecrets", ["secrets": ["KEY": "hidden"]])
        _ = try guest.call("run", ["command": ["/usr/bin/env"], "env": ["A": "b"]])
        _ = try guest.wait(for: "processExited")
        #expect(guest.lines().contains("KEY=hidden"))
        #expect(guest.lines().contains("A=b"))
        #expect(!guest.lines().contains { $0.hasPrefix("HOST_PRIVATE") || $0.hasPrefix("AEGIS_CONTROL") })
    }

    @Test func `runTask answers with the exit, after the output`() throws {
        let guest = try Guest()
        let answer = try guest.call("runTask", ["command": ["/bin/sh", "-c", "echo hello; exit 4"]])
        #expect(answer["result"]?["exit_code"] == 4)
        #expect(guest.lines() == ["hello"])
    }

    @Test func `an exec that takes too long is ended`() throws {
        let guest = try Guest()
        _ = try guest.call("exec", ["exec_id": "e", "command": ["/bin/sleep", "30"], "timeout_ms": 50])
        let done = try guest.wait(for: "execDone")
        #expect(done["timed_out"] == true)
        #expect(done["signal"] == 15)
    }

    @Test func `shutdown says TERM, then KILL, drains the log and tells how long it took`() throws {
        let guest = try Guest()
        let stubborn = "trap 'echo asked' TERM; echo up; while :; do sleep 0.02; done"
        _ = try guest.call("run", ["command": ["/bin/sh", "-c", .string(stubborn)]])
        _ = try guest.wait(for: "log") { $0["line"] == "up" }
        #expect(try guest.call("shutdown", ["grace_ms": 200])["result"]?["status"] == "shutting_down")
        #expect(try guest.wait(for: "processExited")["signal"] == 9)
        #expect(guest.lines().contains("asked"))
        let stopped = try guest.wait(for: "stopped")
        #expect((stopped["terminating_ms"]?.intValue ?? 0) >= 200)
        #expect(try guest.next() == nil)
        #expect(try guest.child.wait(timeoutMilliseconds: 5000) == .exited(0))
    }

    @Test func `it ends with its children when the host has gone`() throws {
        let guest = try Guest()
        let pid = try guest.call("run", ["command": ["/bin/sleep", "60"]])["result"]?["pid"]?.intValue ?? 0
        guest.closeChannel()
        #expect(try guest.child.wait(timeoutMilliseconds: 10_000) == .exited(0))
        #expect(!Processes.exists(Int32(pid)))
    }

    @Test func `a signal for the agent is handed on`() throws {
        let guest = try Guest()
        _ = try guest.call(
            "run",
            [
                "command": [
                    "/bin/sh", "-c", "trap 'echo got; exit 5' USR1; echo up; while :; do sleep 0.02; done",
                ]
            ])
        _ = try guest.wait(for: "log") { $0["line"] == "up" }
        try guest.child.kill(SIGUSR1)
        #expect(try guest.wait(for: "processExited")["exit_code"] == 5)
    }
}
