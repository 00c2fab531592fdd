// Where this harness runs, and the few things it does to the machine around it.
import Glibc
import Kit
import System

/// What is true of this guest from its start to its end.
struct GuestFacts: Sendable {
    /// What is around this harness.
    enum Ground: String, Sendable, CaseIterable {
        /// Namespaces that our launcher made.
        case namespace
        /// A virtual machine of our platform.
        case microvm
        /// Anything else: another platform's machine, a container, a process on a workstation.
        case machine

        static var current: Ground {
            Environment.get("AEGIS_GROUND").flatMap(Ground.init(rawValue:)) ?? .machine
        }
    }

    let ground = Ground.current
    /// Where processes of the guest are counted and bounded; nil where the platform does that, or nobody.
    var cgroup: SharedDescriptor?
    /// How the memory that holds the secrets is kept, in words.
    private(set) var secretMemory = ""
    /// PID 1 owns the machine: it mounts, names and ends everything. An ordinary child touches nothing of
    /// the host.
    let isPID1: Bool
    /// The agent and tools have users of their own.
    let hasUsers: Bool
    /// Sockets and short-lived files of the harness.
    let runDirectory: String
    /// The shared volume.
    let workspace: String
    /// Where the kit's other programs are.
    let binaries: String

    /// Looks around.
    static func discover() throws(HarnessError) -> GuestFacts {
        let executable = try attempt("find the harness") { () throws(SystemError) in
            try Environment.executablePath()
        }
        let isRoot = Credentials.effectiveUser() == 0
        return GuestFacts(
            isPID1: Processes.current() == 1, hasUsers: isRoot && maps(GuestUsers.tool),
            runDirectory: Environment.get("AEGIS_RUN_DIR") ?? "/run/openclaw",
            workspace: Environment.get("AEGIS_WORKSPACE_DIR") ?? "/workspace",
            binaries: Files.parent(of: executable))
    }

    /// True when this user namespace knows the id. Linux: user_namespaces(7)
    private static func maps(_ id: UInt32) -> Bool {
        guard let text = try? Files.readText("/proc/self/uid_map") else { return false }
        return text.split(separator: "\n").contains { line in
            let numbers = line.split(separator: " ").compactMap { UInt64($0) }
            return numbers.count == 3 && numbers[0] <= UInt64(id) && UInt64(id) < numbers[0] + numbers[2]
        }
    }

    /// Keeps our memory, which holds the secrets, from everybody: no program of the guest may read it, no
    /// core file holds it, and no page goes to the swap. The last needs what an ordinary user's platform
    /// cannot give; then that is what is reported.
    mutating func protectSecrets() throws(SystemError) {
        try Processes.setDumpable(false)
        try System.Limits.set(.coreBytes, soft: 0, hard: 0)
        do throws(SystemError) {
            try Memory.lockAll()
            secretMemory = "not dumpable, locked"
        } catch {
            secretMemory = "not dumpable, not locked (\(error))"
        }
    }

    /// What of its protection this guest has, for the host to show.
    var layers: JSON {
        [
            "pid1": JSON(isPID1), "users": JSON(hasUsers),
            "ground": .string(ground.rawValue), "secrets": .string(secretMemory),
        ]
    }

    // MARK: Programs

    func binary(_ name: String) -> String { "\(binaries)/\(name)" }

    /// The environment that programs start with: nothing of the harness's own but what every program needs.
    func environment(asAgent: Bool) -> [String: String] {
        var environment = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
            "HOME": asAgent && isPID1 ? "/home/agent" : "/tmp", "TERM": "dumb",
            "OPENCLAW_AGENT_SOCKET": "\(runDirectory)/agent.sock",
        ]
        for name in ["TZ", "AEGIS_INSTANCE_ID"] { environment[name] = Environment.get(name) }
        return environment
    }

    func canFind(_ program: String, path: String?) -> Bool {
        Environment.lookUp(program, path: path).map(Files.exists) ?? false
    }

    /// The command, run as the agent's user.
    func asAgent(_ command: [String]) -> [String] { asUser(GuestUsers.agent, command) }

    /// The command, run as another user when there is one.
    func asUser(_ id: UInt32, _ command: [String]) -> [String] {
        guard hasUsers else { return command }
        return [binary("openclaw-harness"), "as", "\(id)", "\(id)", "--"] + command
    }

    // MARK: The machine

    /// Host name of the guest; an ordinary child leaves the machine's alone.
    func setHostName(_ name: String) throws(HarnessError) {
        guard isPID1 else { return }
        try attempt("set the host name") { () throws(SystemError) in try Namespaces.setHostName(name) }
    }

    /// Writes /etc/hosts.
    func setHosts(_ hosts: [ControlRequest.Host]) throws(HarnessError) {
        guard isPID1 else { return }
        let name = (try? Files.readText("/proc/sys/kernel/hostname"))?.split(separator: "\n").first.map(
            String.init)
        let text = Etc.hosts(hostName: name ?? "agent", hosts.map { ($0.address, $0.name) })
        try attempt("write /etc/hosts") { () throws(SystemError) in
            try Files.write("/etc/hosts", Array(text.utf8))
        }
    }

    /// Gives eth0 its address; the platform has moved it in.
    func bringUp(network: JSON) throws(HarnessError) {
        guard isPID1 else { return }
        let link = network["interface"]?.stringValue ?? "eth0"
        guard let address = network["address"]?.stringValue.flatMap({ IPv4($0) }),
            let prefix = network["prefix"]?.intValue.flatMap({ UInt8(exactly: $0) }), prefix <= 32
        else { throw HarnessError("bring up \(link)", "network is not {address, prefix}") }
        try attempt("bring up \(link)", hint: "the platform moves it in before configure") {
            () throws(SystemError) in
            let netlink = try Netlink()
            do throws(SystemError) {
                try netlink.addAddress(link, address, prefix: prefix)
            } catch {
                // Configured twice is configured.
                if error.code != EEXIST { throw error }
            }
            try netlink.linkUp(link)
            guard let gateway = network["gateway"]?.stringValue.flatMap({ IPv4($0) }) else { return }
            do throws(SystemError) { try netlink.addDefaultRoute(via: gateway) } catch {
                if error.code != EEXIST { throw error }
            }
        }
    }
}

/// Listening sockets.
enum Ports {
    /// Ports that something listens on. Linux: proc(5) net/tcp
    static func listening() -> [JSON] {
        var ports: Set<Int> = []
        for file in ["/proc/net/tcp", "/proc/net/tcp6"] {
            // No IPv6 in the kernel, no such file.
            guard let text = try? Files.readText(file, limit: 4 << 20) else { continue }
            for line in text.split(separator: "\n").dropFirst() {
                let fields = line.split(separator: " ")
                // State 0A is LISTEN; the port is hexadecimal behind the last colon of the local address.
                guard fields.count > 3, fields[3] == "0A", let port = fields[1].split(separator: ":").last
                else { continue }
                if let number = Int(port, radix: 16) { ports.insert(number) }
            }
        }
        return ports.sorted().map { ["port": JSON($0), "protocol": "tcp"] }
    }
}
