// Makes a guest out of namespaces and stays beside it as long as it lives.
import Glibc
import Kit
import System

/// `openclaw-harness launch`: the parent outside, and what becomes PID 1 inside.
///
/// The contract with the platform: configuration on standard input to its end, control socket on 3, status
/// pipe on 4; for a machine with a monitor, that one's socket on 5; for one that is called by vsock, its
/// device on 6. The control socket's other end tells in any case that the platform lives.
struct Launcher {
    static let controlDescriptor: Int32 = 3
    static let statusDescriptor: Int32 = 4
    /// Only for a machine whose plan says `monitor`.
    static let monitorDescriptor: Int32 = 5
    /// Only for a machine whose plan says `vsock`.
    static let vsockDescriptor: Int32 = 6
    /// Time for an ordered shutdown after the platform has gone, in milliseconds.
    static let orphanGraceMilliseconds: Int64 = 3000
    /// The exit code when there is no guest whose status could be told.
    static let failureCode: Int32 = 125

    let configuration: LaunchConfiguration

    static func run() -> Int32 {
        Signals.ignoreSIGPIPE()
        do throws(HarnessError) {
            try IO.isOpen(controlDescriptor, statusDescriptor)
            let bytes = try attempt("read the launch configuration") { () throws(SystemError) in
                try IO.readAll(0, limit: 1 << 20)
            }
            let json: JSON
            do throws(JSONError) { json = try JSON.parse(bytes) } catch {
                throw HarnessError("read the launch configuration", error.description)
            }
            return try Launcher(configuration: try LaunchConfiguration(json)).launch()
        } catch {
            tell("error \(error)")
            return failureCode
        }
    }

    /// One line for the platform, and for the log.
    private static func tell(_ line: String) {
        let text = line.split(separator: "\n").joined(separator: " ")
        // Best effort: without a reader there is nobody else to tell.
        try? IO.writeAll(statusDescriptor, Array((text + "\n").utf8))
        if line.hasPrefix("error") { try? IO.writeAll(2, Array("openclaw-harness launch: \(text)\n".utf8)) }
        _ = close(statusDescriptor)
    }

    private func launch() throws(HarnessError) -> Int32 {
        let hint = "the launcher needs to be root, at least of a user namespace"
        try attempt("make a pid namespace", hint: hint) { () throws(SystemError) in
            try Namespaces.unshare(.pid)
        }
        // For the harness, which locks its memory. Best effort: only root may, and the harness says so.
        try? System.Limits.set(
            .lockedBytes, soft: System.Limits.unlimited, hard: System.Limits.unlimited)
        let (questions, ask) = try attempt("make a pipe") { () throws(SystemError) in try IO.pipe().split() }
        let (answers, answer) = try attempt("make a pipe") { () throws(SystemError) in try IO.pipe().split() }
        let pid = try attempt("fork PID 1") { () throws(SystemError) in try fork() }
        if pid == 0 {
            questions.close()
            answer.close()
            _ = close(Self.statusDescriptor)
            GuestStart(configuration: configuration, ask: ask, answers: answers).run()
        }
        ask.close()
        answers.close()
        for descriptor in configuration.machine?.descriptors ?? [] where descriptor != Self.controlDescriptor
        {
            _ = close(descriptor)
        }
        do throws(HarnessError) {
            try serve(pid, questions: questions, answer: answer)
        } catch {
            // The child is ours and of no use any more; its status says nothing beyond the error.
            try? Processes.kill(pid, SIGKILL)
            _ = try? Processes.waitPID(pid)
            throw error
        }
        Self.tell("started \(pid)")
        return try watch(pid)
    }

    private func fork() throws(SystemError) -> Int32 {
        guard let group = configuration.group else { return try Processes.fork() }
        let directory = try Files.open(group, O_RDONLY | O_DIRECTORY)
        return try Processes.fork(into: [], group: directory.raw)
    }

    /// Answers the child until it has become the harness.
    private func serve(
        _ pid: Int32, questions: SharedDescriptor, answer: SharedDescriptor
    ) throws(HarnessError) {
        var text: [UInt8] = []
        while true {
            let bytes = try attempt("hear from PID 1") { () throws(SystemError) in try IO.read(questions.raw)
            }
            // The pipe closes by exec: the harness runs.
            if bytes.isEmpty { break }
            text += bytes
            guard text.first == GuestStart.mapQuestion, text.count == 1 else { continue }
            text = []
            try attempt("map the guest's ids") { () throws(SystemError) in
                try Namespaces.writeIDMaps(
                    pid, users: configuration.users, groups: configuration.groups,
                    denySetGroups: configuration.denySetGroups)
                try IO.writeAll(answer.raw, [GuestStart.mapQuestion])
            }
        }
        if !text.isEmpty { throw HarnessError("start the guest", String(decoding: text, as: UTF8.self)) }
    }

    /// Waits for the guest; ends it when the platform has gone.
    private func watch(_ pid: Int32) throws(HarnessError) -> Int32 {
        do throws(SystemError) {
            let child = try Processes.open(pid).shared()
            let signals = try Signals([SIGTERM, SIGINT, SIGHUP])
            var deadline: Int64?
            while true {
                let hangUp = deadline == nil ? Self.controlDescriptor : -1
                var entries = [
                    pollfd(fd: child.raw, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: signals.raw, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: hangUp, events: 0x2000, revents: 0),  // POLLRDHUP
                ]
                let left = deadline.map { Int(max(0, $0 - Clock.monotonicNanoseconds() / 1_000_000)) }
                try IO.poll(&entries, timeoutMilliseconds: left ?? -1)
                if entries[0].revents != 0 { break }
                if let signal = try signals.next(timeoutMilliseconds: 0) { try Processes.kill(pid, signal) }
                let now = Clock.monotonicNanoseconds() / 1_000_000
                if entries[2].revents != 0 { deadline = now + Self.orphanGraceMilliseconds }
                if let due = deadline, now >= due { try Processes.kill(pid, SIGKILL) }
            }
            return try Processes.waitPID(pid)?.status.shellCode ?? Self.failureCode
        } catch {
            try? Processes.kill(pid, SIGKILL)
            throw HarnessError("watch the guest", error)
        }
    }
}

extension IO {
    /// Fails when the platform did not hand over what the contract says.
    static func isOpen(_ descriptors: Int32...) throws(HarnessError) {
        for fd in descriptors where fcntl_isOpen(fd) == false {
            throw HarnessError(
                "launch a guest", "descriptor \(fd) is not open", hint: "see docs/PROTOCOLS.md")
        }
    }

    private static func fcntl_isOpen(_ fd: Int32) -> Bool { (try? Files.status(of: fd)) != nil }
}
