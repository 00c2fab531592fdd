import Glibc
import Kit
import System
import Testing

@testable import Harness

/// A namespace guest made by `openclaw-harness launch`. Needs root, as the platform does.
@Suite(.serialized, .enabled(if: Credentials.effectiveUser() == 0, "the launcher needs root"))
struct LaunchTests {
    /// A platform of the smallest kind: a private mount namespace is not needed, because a directory that
    /// is no shared mount can be bound too; only what is mounted later would not show up.
    private func launch(_ body: (Guest) throws -> Void) throws {
        let directory = try Files.temporaryDirectory(prefix: "launch")
        defer { try? Files.removeTree(directory) }
        for name in ["root", "share/workspace"] { try Files.makeDirectories("\(directory)/\(name)") }
        try Files.chown("\(directory)/share/workspace", user: 100_000, group: 100_000)
        try Files.write("\(directory)/share/workspace/hello", Array("from outside\n".utf8))
        let binaries = Files.parent(of: try Guest.binary("openclaw-harness"))
        let configuration: JSON = [
            "instance_id": "i-00000001", "hostname": "agent-i-00000001", "root": .string("\(directory)/root"),
            "share": .string("\(directory)/share"), "binaries": .string(binaries),
            "uid_map": [[0, 100_000, 65_536]], "gid_map": [[0, 100_000, 65_536]],
        ]
        try body(try Guest(launching: configuration))
    }

    @Test func `a launched guest is PID 1 of a machine that shows nothing of ours`() throws {
        try launch { guest in
            let started = try guest.status()
            #expect(started.hasPrefix("started "))
            let ready = try guest.wait(for: "ready")
            #expect(ready["pid"] == 1)
            #expect(ready["layers"]?["users"] == true)
            #expect(
                try guest.call(
                    "configure", ["hostname": "agent-x", "hosts": [["10.77.0.1", "openclaw-coordinator"]]])[
                        "result"] == [:])
            let script = """
                id -u; hostname; cat /workspace/hello; ls -d /root /home/* /etc/shadow 2>/dev/null
                touch /usr/x 2>/dev/null && echo usr writable; touch /x 2>/dev/null && echo root writable
                mount -o remount,rw,bind /usr 2>/dev/null && touch /usr/x 2>/dev/null && echo usr remounted
                grep -c coordinator /etc/hosts; ls /proc | grep -c '^[0-9]'; echo $AEGIS_CONTROL_FD
                ls /proc/self/fd | wc -l
                echo ok > /dev/null && touch /tmp/x /workspace/y && ls /sys/class/net; cat /proc/1/comm
                """
            _ = try guest.call("run", ["command": ["/bin/sh", "-c", .string(script)]])
            #expect(try guest.wait(for: "processExited")["exit_code"] == 0)
            let lines = guest.lines()
            #expect(Array(lines.prefix(4)) == ["0", "agent-x", "from outside", "/home/agent"])
            #expect(!lines.contains { $0.contains("writable") || $0.contains("remounted") })
            #expect(lines.dropFirst(4).first == "1")
            #expect(lines.last == "openclaw-harnes")
        }
    }

    @Test func `the agent runs as its own user and cannot become more`() throws {
        try launch { guest in
            _ = try guest.wait(for: "ready")
            let script = """
                id -u; id -g; touch /home/agent/x && echo home; cat /proc/1/environ
                grep -E 'CapEff|NoNewPrivs' /proc/self/status
                """
            _ = try guest.call("run", ["command": ["/bin/sh", "-c", .string(script)], "run_as": "agent"])
            _ = try guest.wait(for: "processExited")
            #expect(guest.lines() == ["1000", "1000", "home", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"])
        }
    }

    @Test func `the guest ends when the platform has gone, and with the launcher`() throws {
        try launch { guest in
            let pid = Int32(try guest.status().dropFirst("started ".count)) ?? 0
            _ = try guest.wait(for: "ready")
            #expect(Processes.exists(pid))
            guest.closeChannel()
            #expect(try guest.child.wait(timeoutMilliseconds: 10_000) == .exited(0))
            #expect(!Processes.exists(pid))
        }
        try launch { guest in
            let pid = Int32(try guest.status().dropFirst("started ".count)) ?? 0
            _ = try guest.wait(for: "ready")
            try guest.child.kill(SIGKILL)
            #expect(try guest.next() == nil)
            let end = Clock.monotonicNanoseconds() + 5_000_000_000
            while Processes.exists(pid), Clock.monotonicNanoseconds() < end { usleep(5000) }
            #expect(!Processes.exists(pid))
        }
    }

    @Test func `a configuration that is wrong is refused in words`() throws {
        let guest = try Guest(launching: ["hostname": "x"])
        #expect(try guest.status().hasPrefix("error read the launch configuration: /root"))
        #expect(try guest.child.wait(timeoutMilliseconds: 5000) == .exited(125))
    }
}
