// Answers to the host.
import Glibc
import Kit
import System
import Wire

extension Supervisor {
    /// Handles one line of the host.
    func answer(_ line: [UInt8]) {
        do throws(JSONRPCError) {
            guard let message = try ControlRequest.message(line) else {
                return log("skipped a line of the host that is no message")
            }
            switch message {
            case .request(let id, let method, let params):
                do throws(JSONRPCError) {
                    try perform(try ControlRequest(method: method, params: params), id: id)
                } catch {
                    channel.send(.failure(id: id, error))
                }
            case .notification(let method, let params):
                // Nobody waits for an answer; what was asked is still done.
                do throws(JSONRPCError) {
                    try perform(try ControlRequest(method: method, params: params), id: nil)
                } catch {
                    log("the host's notification \(method): \(error)")
                }
            case .response, .failure: break
            }
        } catch {
            channel.send(.failure(id: nil, error))
        }
    }

    private static var timestamp: JSON {
        .string(Timestamp.text(unixMilliseconds: Clock.wallMilliseconds()))
    }

    private func reply(_ id: JSONRPCMessage.ID?, _ result: JSON) {
        if let id { channel.send(.response(id: id, result: result)) }
    }

    private func perform(_ request: ControlRequest, id: JSONRPCMessage.ID?) throws(JSONRPCError) {
        switch request {
        case .health, .listPorts, .shutdown: break
        default:
            guard shutdown.stage == .running else { throw .server("the guest is shutting down") }
        }
        switch request {
        case .configure(let params): try configure(params, id: id)
        case .setHosts(let hosts):
            try serverError { () throws(HarnessError) in try guest.setHosts(hosts) }
            session.setHosts(hosts)
            reply(id, [:])
        case .setClock(let time):
            guest.setClock(time)
            reply(id, [:])
        case .injectSecrets(let new):
            secrets.merge(new) { $1 }
            session.setSecrets(secrets)
            channel.redactor = session.redactor
            reply(id, [:])
        case .run(let program):
            if hasPrimary { throw .server("primary process already running") }
            session.agentStarts(environment: secrets.merging(program.environment) { $1 })
            channel.redactor = session.redactor
            let pid = try start(program, .primary, source: "agent")
            session.agentStarted(pid: pid)
            reply(id, ["pid": JSON(Int(pid)), "started_at": Self.timestamp])
        case .exec(let execID, let program, let timeout, let sandbox):
            _ = try start(
                program, .exec(id: execID), source: "exec", execID: execID, timeout: timeout, sandbox: sandbox
            )
            reply(id, ["exec_id": .string(execID), "started_at": Self.timestamp])
        case .runTask(let program, let sandbox):
            guard let id else { throw .invalidParams("runTask needs an id: its answer is the exit") }
            _ = try start(program, .task(id), source: "agent", sandbox: sandbox)
        case .startServer(let program, let port):
            let pid = try start(program, .server, source: "agent")
            reply(id, ["pid": JSON(Int(pid))])
            probe(pid: pid, port: port)
        case .health:
            reply(id, session.health(dropped: channel.dropped, orphans: orphans, agentAlive: hasPrimary))
        case .listPorts: reply(id, ["ports": .array(Ports.listening())])
        case .shutdown(let grace):
            reply(id, ["status": "shutting_down"])
            begin(graceMilliseconds: grace)
        }
    }

    private func serverError(_ body: () throws(HarnessError) -> Void) throws(JSONRPCError) {
        do throws(HarnessError) { try body() } catch { throw .server(error.description) }
    }

    private func configure(_ params: JSON, id: JSONRPCMessage.ID?) throws(JSONRPCError) {
        let hosts = params["hosts"] == nil ? [] : try ControlRequest.hosts(params)
        try serverError { () throws(HarnessError) in
            if let name = params["hostname"]?.stringValue { try guest.setHostName(name) }
            try guest.setHosts(hosts)
            if let time = params["clock_ms"]?.int64Value { guest.setClock(time) }
            try guest.showWorkspace()
            if let network = params["network"], !network.isNull { try guest.bringUp(network: network) }
            session.setSecrets(secrets)
            channel.redactor = session.redactor
            session.setHosts(hosts)
            try session.configure(document: params["guest"] ?? [:])
        }
        reply(id, [:])
    }

    /// Starts a program with its pipes on their way to the log.
    private func start(
        _ program: ControlRequest.Program, _ kind: Supervised.Kind, source: String, execID: String? = nil,
        timeout: Int64? = nil, sandbox: JSON? = nil
    ) throws(JSONRPCError) -> Int32 {
        do throws(HarnessError) {
            var environment = guest.environment(asAgent: program.asAgent)
            // A sandboxed command is a tool's, and a tool has no secrets.
            if sandbox == nil { environment.merge(secrets) { $1 } }
            environment.merge(program.environment) { $1 }
            var arguments = program.command
            guard guest.canFind(arguments[0], path: environment["PATH"]) else {
                throw HarnessError(
                    "start \(arguments[0])", "no such program", hint: "PATH=\(environment["PATH"] ?? "")")
            }
            var kept: [SharedDescriptor] = []
            var report: SharedDescriptor?
            var descriptors: [(parent: Int32, child: Int32)] = []
            if let sandbox {
                let files = try SandboxFiles(policy: sandbox, guest: guest)
                arguments = files.arguments(arguments)
                descriptors = files.descriptors
                kept = [files.policy]
                report = files.report
            } else if program.asAgent {
                arguments = guest.asAgent(arguments)
            }
            let command = Spawn.Command(
                arguments, environment: environment, workingDirectory: program.workingDirectory,
                stdout: .pipe,
                stderr: .pipe, descriptors: descriptors, dieWithParent: true, cgroup: guest.cgroup?.raw)
            let child = try attempt("start process") { () throws(SystemError) in try Spawn.start(command) }
            children[child.pid] = Supervised(
                kind: kind, child: child, kept: kept, report: report,
                deadline: timeout.map { Self.now + $0 })
            watch(child.stdout, of: child.pid, name: "stdout", source: source, execID: execID)
            watch(child.stderr, of: child.pid, name: "stderr", source: source, execID: execID)
            return child.pid
        } catch {
            throw .server(error.description)
        }
    }

    /// Something that another thread asked for.
    func receive(_ message: Mailbox.Message) {
        switch message {
        case .notify(let method, let params): channel.notify(method, params)
        case .log(let line): channel.log(line)
        case .start(let job):
            do throws(SystemError) {
                var command = job.command
                command.cgroup = guest.cgroup?.raw
                let child = try Spawn.start(command)
                children[child.pid] = Supervised(
                    kind: .job(job), child: child,
                    deadline: job.command.timeoutMilliseconds.map { Self.now + Int64($0) },
                    graceMilliseconds: Int64(job.command.graceMilliseconds))
            } catch {
                job.finish(.failed(error.description))
            }
        }
    }

    /// Reports the end of a process; all its output has been queued.
    func finish(_ child: Supervised, _ status: Spawn.ExitStatus) {
        var result: JSON = ["exit_code": JSON(Int(status.shellCode))]
        if case .signalled(let signal) = status { result["signal"] = JSON(Int(signal)) }
        if child.timedOut { result["timed_out"] = true }
        if let report = child.report.flatMap(SandboxFiles.readReport) { result["report"] = report }
        switch child.kind {
        case .primary:
            session.agentEnded(result)
            channel.notify("processExited", result)
        case .exec(let id):
            result["exec_id"] = .string(id)
            channel.notify("execDone", result)
        case .task(let id):
            result["artifacts"] = []
            channel.send(.response(id: id, result: result))
        case .server: channel.notify("serverExited", result)
        case .job(let job): job.finish(.ended(status, timedOut: child.timedOut))
        }
    }

    /// Says when a server takes connections, or that it will not.
    private func probe(pid: Int32, port: UInt16) {
        let mailbox = mailbox
        let deadline = Self.now + Limits.readinessMilliseconds
        Worker.start("probe", stackBytes: 128 * 1024) {
            while Supervisor.now < deadline, Processes.exists(pid) {
                if (try? Sockets.connectTCP("127.0.0.1", port: port, timeoutMilliseconds: 500)) != nil {
                    return mailbox.post(.notify(method: "serverReady", params: ["port": JSON(Int(port))]))
                }
                usleep(UInt32(Limits.probeMilliseconds * 1000))
            }
            let reason =
                Processes.exists(pid)
                ? "port \(port) not ready after \(Limits.readinessMilliseconds / 1000)s"
                : "the server ended before port \(port) was ready"
            mailbox.post(.notify(method: "serverFailed", params: ["error": .string(reason)]))
        }
    }
}
