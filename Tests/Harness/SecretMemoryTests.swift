import Glibc
import Kit
import System
import Testing

@testable import Harness

/// Who may look at the memory that holds the secrets.
@Suite struct SecretMemoryTests {
    @Test func `the harness is neither readable nor dumped, and says whether it is locked`() throws {
        let guest = try Guest()
        let ready = try guest.wait(for: "ready")
        let pid = guest.child.pid
        // Files of /proc belong to root while their process is not dumpable.
        #expect(try Files.status("/proc/\(pid)/environ").user == 0)
        let limits = try Files.readText("/proc/\(pid)/limits")
        let core = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
        #expect(core.split(separator: " ").filter { $0 == "0" }.count == 2, "\(core)")
        let layer = ready["layers"]?["secrets"]?.stringValue ?? ready.text
        let status = try Files.readText("/proc/\(pid)/status")
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmLck:") })
        let locked = Int(line.split(separator: " ")[1]) ?? -1
        #expect(layer == "not dumpable, locked" ? locked > 0 : locked == 0, "\(layer): \(line)")
        #expect(layer.hasPrefix("not dumpable"))
    }

    @Test func `a program of the agent reads neither memory nor environment of the harness, as root's does`()
        throws
    {
        let guest = try Guest()
        let pid = guest.child.pid
        _ = try guest.call("injectSecrets", ["secrets": ["API_KEY": "sk-abcdefgh-1234"]])
        let script = """
            for f in environ mem maps; do
                head -c 1 /proc/\(pid)/$f >/dev/null 2>&1 && echo read $f || echo no $f
            done
            """
        for (who, wanted) in [("agent", "no"), ("root", "read")] {
            if who == "root", Credentials.effectiveUser() != 0 { continue }
            _ = try guest.call(
                "exec",
                [
                    "exec_id": .string(who), "command": ["/bin/sh", "-c", .string(script)],
                    "run_as": .string(who),
                ])
            _ = try guest.wait(for: "execDone")
            let lines = guest.lines().suffix(3)
            // A page that is not mapped is read by nobody, so memory is left to the agent's half.
            #expect(
                lines.contains("\(wanted) environ") && lines.contains("\(wanted) maps"), "\(who): \(lines)")
            if who == "agent" { #expect(lines.contains("no mem")) }
        }
    }

    @Test func `a claim of a refusal is bounded and without control characters`() throws {
        let long = String(repeating: "a", count: 4000) + "\u{1B}[31m"
        let denial = try #require(
            FileRefusal.denial(["path": .string("/x\n\(long)"), "call": "openat2", "errno": "EROFS"]))
        let object = denial["object"]?.stringValue ?? ""
        #expect(object.hasPrefix("/x?aaa") && object.utf8.count == FileRefusal.pathBytes)
        for refused in [
            [:], ["path": "/x"], ["path": "", "call": "a", "errno": "b"],
            ["path": "/x", "call": "rm -rf", "errno": "EROFS"],
        ] as [JSON] {
            #expect(FileRefusal.denial(refused) == nil)
        }
    }
}
