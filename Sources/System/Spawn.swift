// Starting programs.
import CSystem
import Glibc

/// Starts programs by vfork and exec: signals reset, nothing inherited but what is named.
public enum Spawn {
    /// What to start, and with what.
    public struct Command: Sendable {
        /// Program and arguments. A program without a slash is looked up in PATH of `environment`.
        public var arguments: [String]
        /// The whole environment; nil passes ours on.
        public var environment: [String: String]?
        /// Where it starts; nil where we are.
        public var workingDirectory: String?
        public var stdin: Input
        public var stdout: Output
        public var stderr: Output
        /// More descriptors: our number, and the number it has there.
        public var descriptors: [(parent: Int32, child: Int32)]
        /// Makes it leader of its own session and process group, so that the group can be signalled.
        public var newSession: Bool
        /// For `run`: after this time TERM, then KILL after `graceMilliseconds`.
        public var timeoutMilliseconds: Int?
        /// Time between TERM and KILL.
        public var graceMilliseconds: Int
        /// KILL when the *thread* that started it ends (prctl(2) PR_SET_PDEATHSIG): use it only from
        /// threads that live as long as the child should.
        public var dieWithParent: Bool
        /// An open `cgroup.procs` that the child enters before it becomes the program. Linux: cgroups(7)
        public var cgroup: Int32?

        /// A command with nothing on stdin, both outputs captured, in its own session.
        public init(
            _ arguments: [String], environment: [String: String]? = nil, workingDirectory: String? = nil,
            stdin: Input = .null, stdout: Output = .capture(), stderr: Output = .capture(),
            descriptors: [(parent: Int32, child: Int32)] = [], newSession: Bool = true,
            timeoutMilliseconds: Int? = nil, graceMilliseconds: Int = 2000, dieWithParent: Bool = false,
            cgroup: Int32? = nil
        ) {
            self.arguments = arguments
            self.environment = environment
            self.workingDirectory = workingDirectory
            self.stdin = stdin
            self.stdout = stdout
            self.stderr = stderr
            self.descriptors = descriptors
            self.newSession = newSession
            self.timeoutMilliseconds = timeoutMilliseconds
            self.graceMilliseconds = graceMilliseconds
            self.dieWithParent = dieWithParent
            self.cgroup = cgroup
        }
    }

    /// What the child reads.
    public enum Input: Sendable {
        case null
        case inherit
        /// These bytes, then the end. Only for `run`.
        case bytes([UInt8])
        case descriptor(Int32)
        /// A pipe; the other end is `Child.stdin`. Only for `start`.
        case pipe
    }

    /// Where the child writes.
    public enum Output: Sendable {
        case null
        case inherit
        /// Kept up to `limit` bytes, the rest read and dropped. Only for `run`.
        case capture(limit: Int = 16 * 1024 * 1024)
        case descriptor(Int32)
        /// A pipe; the other end is `Child.stdout` or `.stderr`. Only for `start`.
        case pipe
        /// For stderr: wherever stdout goes.
        case merge
    }

    /// How a process ended.
    public enum ExitStatus: Sendable, Hashable, CustomStringConvertible {
        case exited(Int32)
        case signalled(Int32)

        /// Decodes a wait status. Linux: wait(2)
        public init(waitStatus status: Int32) {
            let signal = status & 0x7f
            self = signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal)
        }

        /// True for exit code 0.
        public var isSuccess: Bool { self == .exited(0) }

        /// As a shell has it: the exit code, or 128 and the signal.
        public var shellCode: Int32 {
            switch self {
            case .exited(let code): code
            case .signalled(let signal): 128 + signal
            }
        }

        public var description: String {
            switch self {
            case .exited(let code): "exit \(code)"
            case .signalled(let signal): "signal \(signal)"
            }
        }
    }

    /// Starts the command and does not wait.
    ///
    /// `.bytes` and `.capture` are EINVAL here. Fails with the step and errno of the child when it could
    /// not exec.
    public static func start(_ command: Command) throws(SystemError) -> Child {
        guard let program = command.arguments.first, !program.isEmpty else {
            throw SystemError(call: "execve", operand: "(empty)", code: EINVAL)
        }
        guard let path = Environment.lookUp(program, path: command.environment?["PATH"]) else {
            throw SystemError(call: "execve", operand: program, code: ENOENT)
        }
        var plan = DescriptorPlan()
        let stdin = try plan.add(command.stdin)
        let stdout = try plan.add(command.stdout, as: 1)
        let stderr = try plan.add(command.stderr, as: 2)
        for (parent, child) in command.descriptors { plan.map(parent, to: child) }
        let environment = (command.environment ?? Environment.all()).map { "\($0)=\($1)" }
        let pid = try launch(command, path: path, environment: environment, plan)
        let pidfd = cs_pidfd_open(pid)
        if pidfd < 0 {
            let code = cs_errno()
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
            throw SystemError(call: "pidfd_open", operand: "\(pid)", code: code)
        }
        return Child(
            pid: pid, pidfd: SharedDescriptor(adopting: pidfd), leadsGroup: command.newSession, stdin: stdin,
            stdout: stdout, stderr: stderr)
    }

    private static func launch(
        _ command: Command, path: String, environment: [String], _ plan: borrowing DescriptorPlan
    ) throws(SystemError) -> Int32 {
        let argv = CStrings(command.arguments)
        let envp = CStrings(environment)
        let directory = command.workingDirectory.map { strdup($0) } ?? nil
        let program = strdup(path)
        defer {
            free(directory)
            free(program)
        }
        var stage: UnsafePointer<CChar>?
        let (parents, children) = (plan.parents, plan.children)
        let pid = parents.withUnsafeBufferPointer { parents in
            children.withUnsafeBufferPointer { children in
                var raw = cs_spawn(
                    path: program, argv: argv.pointers, envp: envp.pointers, directory: directory,
                    parent_fds: parents.baseAddress, child_fds: children.baseAddress,
                    fd_count: Int32(parents.count), new_session: command.newSession ? 1 : 0,
                    death_signal: command.dieWithParent ? SIGKILL : 0, cgroup: command.cgroup ?? -1)
                return cs_spawn(&raw, &stage)
            }
        }
        if pid >= 0 { return pid }
        let code = cs_errno()
        let call = stage.map { String(cString: $0) } ?? "vfork"
        let operand = call == "chdir" ? command.workingDirectory ?? "" : path
        throw SystemError(call: call, operand: operand, code: code)
    }
}

/// A zero-terminated vector of C strings, freed with its owner.
private struct CStrings: ~Copyable {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String]) {
        count = strings.count
        pointers = .allocate(capacity: strings.count + 1)
        for (index, text) in strings.enumerated() { pointers[index] = strdup(text) }
        pointers[count] = nil
    }

    deinit {
        for index in 0..<count { free(pointers[index]) }
        pointers.deallocate()
    }
}

/// Which of our descriptors the child gets under which number; keeps the child's ends open until it has them.
private struct DescriptorPlan: ~Copyable {
    private(set) var parents: [Int32] = []
    private(set) var children: [Int32] = []
    private var owned: [SharedDescriptor] = []

    mutating func map(_ parent: Int32, to child: Int32) {
        parents.append(parent)
        children.append(child)
    }

    mutating func add(_ input: Spawn.Input) throws(SystemError) -> SharedDescriptor? {
        switch input {
        case .inherit: map(0, to: 0)
        case .null: own(try Files.open("/dev/null", O_RDONLY).shared(), as: 0)
        case .descriptor(let fd): map(fd, to: 0)
        case .bytes: throw SystemError(call: "spawn", operand: "stdin bytes without run", code: EINVAL)
        case .pipe:
            let (reader, writer) = try IO.pipe().split()
            own(reader, as: 0)
            return writer
        }
        return nil
    }

    mutating func add(_ output: Spawn.Output, as number: Int32) throws(SystemError) -> SharedDescriptor? {
        switch output {
        case .inherit: map(number, to: number)
        case .null: own(try Files.open("/dev/null", O_WRONLY).shared(), as: number)
        case .descriptor(let fd): map(fd, to: number)
        case .merge: map(parents[1], to: number)
        case .capture: throw SystemError(call: "spawn", operand: "captured output without run", code: EINVAL)
        case .pipe:
            let (reader, writer) = try IO.pipe().split()
            own(writer, as: number)
            return reader
        }
        return nil
    }

    private mutating func own(_ descriptor: SharedDescriptor, as number: Int32) {
        owned.append(descriptor)
        map(descriptor.raw, to: number)
    }
}
