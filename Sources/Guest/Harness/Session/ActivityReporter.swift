// What a host needs to know to let a guest sleep: that something goes on in it, or that it must not sleep.
import Glibc
import Kit
import System

/// Says `activity` while the agent's processes do something, and holds a `keepalive` while there is a task:
/// an agent that waits for a model burns nothing and is not idle. Silence means that the guest may be paused.
///
/// What the harness itself does, its heartbeat above all, is no activity: it would never end.
struct ActivityReporter: Sendable {
    let session: Session

    /// What was counted last.
    private struct Counts {
        var cpu: Int64
        var bytes: Int64
    }

    func start() { Worker.start("activity", stackBytes: 256 * 1024) { run() } }

    private func run() {
        var last = Counts(cpu: Heartbeat.treeMilliseconds(), bytes: Interfaces.bytes())
        var isHeld = false
        while !session.isStopping {
            let hasTask = isHeld
            // Ends early when a task comes or goes, so that the host knows at once.
            _ = session.state.wait(timeoutMilliseconds: Limits.activityMilliseconds) { state in
                state.isStopping || state.book.hasWork != hasTask ? true : nil
            }
            let task = session.state.withLock { $0.book.hasWork ? $0.book.name : nil }
            if let task {
                notify(
                    "keepalive",
                    ["ttl_ms": JSON(Limits.leaseMilliseconds), "reason": .string("task \(task)")])
            } else if isHeld {
                notify("keepalive.release", [:])
            }
            isHeld = task != nil
            report(&last)
        }
    }

    private func report(_ last: inout Counts) {
        let now = Counts(cpu: Heartbeat.treeMilliseconds(), bytes: Interfaces.bytes())
        let connections = Ports.connections(ofOthers: session.guest.hasUsers)
        // A process that ended has taken its time along until its parent has reaped it.
        let cpu = max(0, now.cpu - last.cpu)
        // Bytes without anybody's connection are the harness's own.
        let bytes = connections > 0 ? max(0, now.bytes - last.bytes) : 0
        last = now
        guard connections > 0 || cpu >= Limits.idleCPUMilliseconds || bytes > Limits.idleBytes else { return }
        notify("activity", ["tcp": JSON(connections), "cpu_ms": JSON(cpu), "net_bytes": JSON(bytes)])
    }

    private func notify(_ method: String, _ params: JSON) {
        session.mailbox.post(.notify(method: method, params: params))
    }
}

/// The network interfaces of this guest.
enum Interfaces {
    /// Bytes that came in and went out since the boot, the loopback's not counted. Linux: proc(5) net/dev
    static func bytes() -> Int64 { bytes((try? Files.readText("/proc/net/dev", limit: 65536)) ?? "") }

    static func bytes(_ text: String) -> Int64 {
        text.split(separator: "\n").reduce(0) { sum, line in
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].filter({ $0 != " " }) != "lo" else { return sum }
            let fields = parts[1].split(separator: " ").map { Int64($0) ?? 0 }
            return fields.count > 8 ? sum &+ fields[0] &+ fields[8] : sum
        }
    }
}

extension Ports {
    /// Established connections.
    /// - Parameter ofOthers: Without those of this user, whose the harness is.
    static func connections(ofOthers: Bool) -> Int {
        let own = String(Credentials.effectiveUser())
        // No IPv6 in the kernel, no such file.
        return ["/proc/net/tcp", "/proc/net/tcp6"].reduce(0) { sum, file in
            let text = (try? Files.readText(file, limit: 4 << 20)) ?? ""
            return sum + connections(text, without: ofOthers ? own : nil)
        }
    }

    static func connections(_ text: String, without user: String?) -> Int {
        text.split(separator: "\n").dropFirst().count { line in
            let fields = line.split(separator: " ")
            // State 01 is ESTABLISHED; the eighth field is the user.
            return fields.count > 7 && fields[3] == "01" && user.map { $0 != fields[7] } ?? true
        }
    }
}
